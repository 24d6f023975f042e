// Against the recorded contracts of recorded_server.hpp, through the agent's own HTTP client.
#include "agent/serving/server_serving.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "agent/link/local_http.hpp"
#include "common/base/file.hpp"
#include "tests/unit/agent/serving/recorded_server.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::RecordedServer;
using test::TempFolder;
namespace fs = std::filesystem;

// A device with two slots, a repository, and a server that reads it.
class ModelServer : public ::testing::TestWithParam<ServerKind> {
 protected:
  TempFolder folder;
  fs::path repository = folder / "repository";
  RecordedServer server{GetParam(), repository};
  LocalHttp http;
  std::unique_ptr<ServerServing> serving = make();

  std::unique_ptr<ServerServing> make(std::string url = "", Duration limit = std::chrono::seconds(10)) {
    ServerServing::Options options;
    options.kind = GetParam();
    options.url = url.empty() ? server.url() : url;
    options.repository = repository;
    options.metrics_url = options.url + "/metrics";
    options.ready_limit = limit;
    return std::make_unique<ServerServing>(options, http);
  }
  Placement fill(const std::string& slot, const std::string& version, const std::string& content = "a model") {
    fs::create_directories(folder / "digits" / slot);
    Placement placement{"digits", folder / "digits", slot, version, "onnx", "digest of " + version};
    EXPECT_TRUE(write_file_atomically(placement.file(), content + " " + version));
    return placement;
  }
  std::string current() const {
    std::error_code none;
    return fs::read_symlink(folder / "digits/current", none).string();
  }
  std::set<std::string> shelf() const {
    std::set<std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(repository / "digits", none))
      names.insert(entry.path().filename().string());
    return names;
  }
};

using Shelf = std::set<std::string>;

std::string name_of_kind(const ::testing::TestParamInfo<ServerKind>& info) {
  return std::string(to_string(info.param));
}
INSTANTIATE_TEST_SUITE_P(RecordedContract, ModelServer,
                         ::testing::Values(ServerKind::triton, ServerKind::ovms, ServerKind::tfserving), name_of_kind);

TEST_P(ModelServer, EachVersionGetsTheNextNumberAndTheLinkFollows) {
  EXPECT_FALSE(serving->switch_to(fill("a", "1.0")));
  EXPECT_EQ(server.serves(), 1u);
  EXPECT_EQ(current(), "a");
  EXPECT_EQ(read_file(repository / "digits/1/model.onnx").value(), "a model 1.0");
  EXPECT_FALSE(serving->switch_to(fill("b", "1.1")));
  EXPECT_EQ(server.serves(), 2u);
  EXPECT_EQ(current(), "b");
  EXPECT_EQ(shelf(), (Shelf{"1", "2"}));
}

TEST_P(ModelServer, PartsLieBesideTheModelUnderTheirNames) {
  Placement placement = fill("a", "1.0");
  placement.parts = {"model.onnx.data", "labels.txt"};
  for (const std::string& part : placement.parts)
    ASSERT_TRUE(write_file_atomically(placement.file().parent_path() / part, "of " + part));
  EXPECT_FALSE(serving->switch_to(placement).has_value());
  EXPECT_EQ(read_file(repository / "digits/1/model.onnx.data").value(), "of model.onnx.data");
  EXPECT_EQ(read_file(repository / "digits/1/labels.txt").value(), "of labels.txt");
}

TEST_P(ModelServer, TheSamePlacementAgainChangesNothing) {
  const Placement first = fill("a", "1.0");
  EXPECT_FALSE(serving->switch_to(first));
  EXPECT_FALSE(serving->switch_to(first));
  EXPECT_FALSE(make()->switch_to(first));  // nor does it after the agent was started anew
  EXPECT_EQ(shelf(), Shelf{"1"});
}

TEST_P(ModelServer, OldNumberGoesWhenTheNewVersionIsCommitted) {
  EXPECT_FALSE(serving->switch_to(fill("a", "1.0")));
  const Placement second = fill("b", "1.1");
  EXPECT_FALSE(serving->switch_to(second));
  serving->settle(second);
  EXPECT_EQ(shelf(), Shelf{"2"});
  EXPECT_EQ(server.serves(), 2u);
}

TEST_P(ModelServer, GoingBackUsesTheNumberThatTheVersionHad) {
  const Placement first = fill("a", "1.0");
  EXPECT_FALSE(serving->switch_to(first));
  EXPECT_FALSE(serving->switch_to(fill("b", "1.1")));
  serving = make();
  EXPECT_FALSE(serving->switch_to(first));
  EXPECT_EQ(server.serves(), 1u);
  EXPECT_EQ(current(), "a");
  EXPECT_EQ(shelf(), Shelf{"1"});
  EXPECT_FALSE(serving->switch_to(fill("b", "1.2")));
  EXPECT_EQ(server.serves(), 3u);  // a number is never given twice
}

TEST_P(ModelServer, GoingBackAfterTheCommitPutsTheSlotsVersionUpAnew) {
  const Placement first = fill("a", "1.0");
  const Placement second = fill("b", "1.1");
  EXPECT_FALSE(serving->switch_to(first));
  EXPECT_FALSE(serving->switch_to(second));
  serving->settle(second);
  EXPECT_FALSE(serving->switch_to(first));
  EXPECT_EQ(server.serves(), 3u);
  EXPECT_EQ(read_file(repository / "digits/3/model.onnx").value(), "a model 1.0");
}

TEST_P(ModelServer, RefusedVersionIsTakenAwayAndTheOldServesOn) {
  EXPECT_FALSE(serving->switch_to(fill("a", "1.0")));
  const auto failure = serving->switch_to(fill("b", "1.1", "broken"));
  ASSERT_TRUE(failure);
  EXPECT_FALSE(failure->switched);
  const std::string words = GetParam() == ServerKind::triton ? "no version is available"
                            : GetParam() == ServerKind::ovms ? "Reloading models versions failed"
                                                             : "Error parsing SavedModel: not a protobuf";
  EXPECT_NE(failure->error.message.find(words), std::string::npos) << failure->error.message;
  EXPECT_EQ(failure->error.code, Errc::incompatible);
  EXPECT_EQ(server.serves(), 1u);
  EXPECT_EQ(current(), "a");
  EXPECT_EQ(shelf(), Shelf{"1"});
  EXPECT_FALSE(serving->switch_to(fill("b", "1.2")));
  EXPECT_EQ(server.serves(), 3u);
}

TEST_P(ModelServer, RefusedFirstVersionLeavesAnEmptyShelf) {
  const auto failure = serving->switch_to(fill("a", "1.0", "broken"));
  ASSERT_TRUE(failure);
  EXPECT_FALSE(failure->switched);
  EXPECT_EQ(current(), "");
  EXPECT_EQ(shelf(), Shelf{});
}

TEST_P(ModelServer, SlowServerIsWaitedFor) {
  server.be_slow(4);
  EXPECT_FALSE(serving->switch_to(fill("a", "1.0")));
  EXPECT_EQ(current(), "a");
}

TEST_P(ModelServer, VersionThatIsNeverReadyMakesWayForTheOne) {
  EXPECT_FALSE(serving->switch_to(fill("a", "1.0")));
  serving = make("", Duration{300});
  server.be_slow(1'000'000);
  std::thread recovery([&] {  // the server comes round when the new version was taken away
    while (!shelf().contains("2")) std::this_thread::yield();
    while (shelf().contains("2")) std::this_thread::yield();
    server.be_slow(0);
  });
  const auto failure = serving->switch_to(fill("b", "1.1"));
  recovery.join();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::timeout);
  EXPECT_NE(failure->error.message.find("digits version 2"), std::string::npos) << failure->error.message;
  EXPECT_EQ(shelf(), Shelf{"1"});
  EXPECT_EQ(current(), "a");
}

TEST_P(ModelServer, ServerThatDoesNotAnswerIsNoSwitch) {
  serving = make("http://127.0.0.1:1", Duration{100});
  const auto failure = serving->switch_to(fill("a", "1.0"));
  ASSERT_TRUE(failure);
  EXPECT_FALSE(failure->switched);
  EXPECT_EQ(current(), "");
  EXPECT_EQ(shelf(), Shelf{});
}

TEST_P(ModelServer, ServerThatDiedLeavesTheOldVersionToBePutBack) {
  EXPECT_FALSE(serving->switch_to(fill("a", "1.0")));
  serving = make("http://127.0.0.1:1", Duration{100});
  const auto failure = serving->switch_to(fill("b", "1.1"));
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->switched);
  EXPECT_EQ(shelf(), Shelf{"1"});  // what it finds when it starts again
  EXPECT_EQ(current(), "a");
}

TEST_P(ModelServer, OthersNumbersAreLeftAloneAndPassed) {
  fs::create_directories(repository / "digits/7");
  EXPECT_FALSE(serving->switch_to(fill("a", "1.0")));
  EXPECT_EQ(server.serves(), 8u);
  EXPECT_FALSE(serving->switch_to(fill("b", "1.1")));
  EXPECT_EQ(shelf(), (Shelf{"7", "8", "9"}));
}

TEST_P(ModelServer, WhatAPowerCutLeftHalfMadeIsSwept) {
  fs::create_directories(repository / "digits/argosy-incoming-1");
  ASSERT_TRUE(write_file_atomically(repository / "digits/argosy-incoming-1/model.onnx", "half"));
  fs::create_directories(repository / "digits/argosy-outgoing-4");
  EXPECT_FALSE(serving->switch_to(fill("a", "1.0")));
  EXPECT_EQ(shelf(), Shelf{"1"});
  EXPECT_EQ(read_file(repository / "digits/1/model.onnx").value(), "a model 1.0");
}

TEST_P(ModelServer, PowerCutBetweenRememberingANumberAndPuttingItUp) {
  EXPECT_FALSE(serving->switch_to(fill("a", "1.0")));
  fs::remove_all(repository / "digits/1");
  EXPECT_FALSE(make()->switch_to(fill("a", "1.0")));
  EXPECT_EQ(server.serves(), 1u);
  EXPECT_EQ(shelf(), Shelf{"1"});
}

TEST_P(ModelServer, PowerCutBetweenTakingAwayAndForgetting) {
  const Placement first = fill("a", "1.0");
  EXPECT_FALSE(serving->switch_to(first));
  EXPECT_FALSE(serving->switch_to(fill("b", "1.1")));
  fs::rename(repository / "digits/2", repository / "digits/argosy-outgoing-2");
  serving = make();
  EXPECT_FALSE(serving->switch_to(first));
  EXPECT_EQ(server.serves(), 1u);
  EXPECT_EQ(shelf(), Shelf{"1"});
}

TEST_P(ModelServer, PowerCutBetweenServingAndTheLinkIsFinishedAtTheNextStart) {
  EXPECT_FALSE(serving->switch_to(fill("a", "1.0")));
  const Placement second = fill("b", "1.1");
  EXPECT_FALSE(serving->switch_to(second));
  ASSERT_TRUE(replace_symlink(folder / "digits/current", "a"));
  EXPECT_FALSE(make()->switch_to(second));
  EXPECT_EQ(server.serves(), 2u);
  EXPECT_EQ(current(), "b");
  EXPECT_EQ(shelf(), (Shelf{"1", "2"}));
}

TEST_P(ModelServer, RepositoryThatCannotBeWrittenIsNamed) {
  ASSERT_TRUE(write_file_atomically(repository, "a file"));
  const auto failure = serving->switch_to(fill("a", "1.0"));
  ASSERT_TRUE(failure);
  EXPECT_FALSE(failure->switched);
  EXPECT_NE(failure->error.message.find((repository / "digits").string()), std::string::npos) << failure->error.message;
}

TEST_P(ModelServer, LostMemoryGivesTheNextNumber) {
  EXPECT_FALSE(serving->switch_to(fill("a", "1.0")));
  ASSERT_TRUE(write_file_atomically(folder / "digits/numbers.json", "{"));
  serving = make();
  EXPECT_FALSE(serving->switch_to(fill("a", "1.0")));
  EXPECT_EQ(server.serves(), 2u);
}

TEST_P(ModelServer, StopEndsTheWait) {
  server.be_slow(1'000'000);
  serving = make("", std::chrono::seconds(600));
  std::thread stopper([&] {
    while (server.requests().empty()) std::this_thread::yield();
    serving->stop();
  });
  const auto began = std::chrono::steady_clock::now();
  const auto failure = serving->switch_to(fill("a", "1.0"));
  stopper.join();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(60));
}

TEST_P(ModelServer, VersionThatIsNotReadyIsSeenDown) {
  const Placement placement = fill("a", "1.0");
  EXPECT_FALSE(serving->switch_to(placement));
  EXPECT_TRUE(serving->look({placement}).down.empty());
  server.be_slow(1'000'000);
  EXPECT_TRUE(serving->look({placement}).down.contains("digits"));
}

TEST_P(ModelServer, FileNameInTheVersionsFolderCanBeChosen) {
  ServerServing::Options options;
  options.kind = GetParam();
  options.url = server.url();
  options.repository = repository;
  options.file = "model.plan";
  EXPECT_FALSE(ServerServing(options, http).switch_to(fill("a", "1.0")));
  EXPECT_TRUE(fs::exists(repository / "digits/1/model.plan"));
}

// The same story in each server's words: 100 inferences of version 1 before the first look, then 20 more and 2
// failures.
std::string story(ServerKind kind, int succeeded, int failed, std::uint64_t number) {
  const std::string version = ",version=\"" + std::to_string(number) + "\"";
  const std::string good = "} " + std::to_string(succeeded) + "\n";
  const std::string bad = "} " + std::to_string(failed) + "\n";
  if (kind == ServerKind::triton)
    return "nv_inference_request_success{model=\"digits\"" + version + good +
           "nv_inference_request_failure{model=\"digits\",reason=\"BACKEND\"" + version + bad +
           "nv_inference_request_duration_us{model=\"digits\"" + version + "} " + std::to_string(succeeded * 5000) +
           "\n";
  if (kind == ServerKind::ovms)
    return "ovms_requests_success{api=\"KServe\",interface=\"REST\",method=\"ModelInfer\",name=\"digits\"" + version +
           good + "ovms_requests_fail{api=\"KServe\",interface=\"REST\",method=\"ModelInfer\",name=\"digits\"" +
           version + bad + "ovms_request_time_us_bucket{interface=\"REST\",name=\"digits\"" + version +
           ",le=\"3570\"} 0\n" + "ovms_request_time_us_bucket{interface=\"REST\",name=\"digits\"" + version +
           ",le=\"6426\"" + good + "ovms_request_time_us_bucket{interface=\"REST\",name=\"digits\"" + version +
           ",le=\"+Inf\"" + good;
  return ":tensorflow:serving:request_count{model_name=\"digits\",status=\"OK\"" + good +
         ":tensorflow:serving:request_count{model_name=\"digits\",status=\"INTERNAL\"" + bad +
         ":tensorflow:serving:request_latency_bucket{model_name=\"digits\",API=\"predict\",entrypoint=\"REST\",le="
         "\"3570\"} 0\n"
         ":tensorflow:serving:request_latency_bucket{model_name=\"digits\",API=\"predict\",entrypoint=\"REST\",le="
         "\"6426\"" +
         good;
}

TEST_P(ModelServer, LooksTellWhatEachVersionDidSinceTheLast) {
  const Placement first = fill("a", "1.0");
  EXPECT_FALSE(serving->switch_to(first));
  serving = make();
  server.publish(story(GetParam(), 100, 0, 1));
  EXPECT_TRUE(serving->look({first}).traffic.empty());  // of old; nobody knows over how long
  EXPECT_TRUE(serving->look({first}).traffic.empty());
  server.publish(story(GetParam(), 120, 2, 1));
  const auto seen = serving->look({first}).traffic;
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].model, "digits");
  EXPECT_EQ(seen[0].version, "1.0");
  EXPECT_EQ(seen[0].count, 22u);
  EXPECT_EQ(seen[0].errors, 2u);
  EXPECT_EQ(seen[0].latency_ms.count(), 20u);
  EXPECT_NEAR(*seen[0].latency_ms.quantile(0.5), 5.0, 0.3);
}

TEST_P(ModelServer, WhatTheOldVersionDidLastIsCountedBeforeItsCountersGo) {
  const Placement first = fill("a", "1.0");
  const Placement second = fill("b", "1.1");
  EXPECT_FALSE(serving->switch_to(first));
  server.publish(story(GetParam(), 100, 0, 1));
  static_cast<void>(serving->look({first}));
  server.publish(story(GetParam(), 130, 0, 1));
  EXPECT_FALSE(serving->switch_to(second));
  // TensorFlow Serving goes on with the model's counters; the others begin new ones for the new number.
  server.publish(GetParam() == ServerKind::tfserving ? story(GetParam(), 137, 0, 2) : story(GetParam(), 7, 0, 2));
  const auto seen = serving->look({second}).traffic;
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].version, "1.0");
  EXPECT_EQ(seen[0].count, 30u);
  EXPECT_EQ(seen[1].version, "1.1");
  EXPECT_EQ(seen[1].count, 7u);
}

TEST_P(ModelServer, LooksTellWhichServerOfWhichVersionItIs) {
  const Placement placement = fill("a", "1.0");
  EXPECT_FALSE(serving->switch_to(placement));
  server.be_version("2.49.0");
  const std::string expected =
      GetParam() == ServerKind::tfserving ? "" : std::string(to_string(GetParam())) + " 2.49.0";
  EXPECT_EQ(serving->look({placement}).runtime, expected);
  server.be_version("2.50.0");
  EXPECT_EQ(serving->look({placement}).runtime, expected) << "it is not asked at each look";
}

TEST(Ovms, AnotherModelsFaultIsNotThisOnes) {
  TempFolder folder;
  RecordedServer server(ServerKind::ovms, folder / "repository");
  server.break_others();
  LocalHttp http;
  ServerServing::Options options;
  options.kind = ServerKind::ovms;
  options.url = server.url();
  options.repository = folder / "repository";
  fs::create_directories(folder / "digits/a");
  const Placement placement{"digits", folder / "digits", "a", "1.0", "onnx", "d"};
  ASSERT_TRUE(write_file_atomically(placement.file(), "a model"));
  EXPECT_FALSE(ServerServing(options, http).switch_to(placement));
  EXPECT_EQ(server.serves(), 1u);
}

TEST(Triton, WithoutExplicitControlItSaysSo) {
  TempFolder folder;
  RecordedServer server(ServerKind::triton, folder / "repository");
  server.refuse_control();
  LocalHttp http;
  ServerServing::Options options;
  options.url = server.url();
  options.repository = folder / "repository";
  fs::create_directories(folder / "digits/a");
  const Placement placement{"digits", folder / "digits", "a", "1.0", "onnx", "d"};
  ASSERT_TRUE(write_file_atomically(placement.file(), "a model"));
  const auto failure = ServerServing(options, http).switch_to(placement);
  ASSERT_TRUE(failure);
  EXPECT_NE(failure->error.message.find("status 503: explicit model load"), std::string::npos)
      << failure->error.message;
}

}  // namespace
}  // namespace argosy::agent

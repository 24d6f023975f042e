#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "agent/sdk/argosy_observe.h"
#include "tests/unit/agent/sdk/agent_socket.hpp"

extern "C" size_t encode_in_c(const argosy_observation* observation, uint8_t* bytes, size_t size);

namespace argosy::agent {
namespace {

using nlohmann::json;
using test::AgentSocket;
using test::fresh_socket_path;

std::vector<std::uint8_t> encoded(const argosy_observation& observation) {
  std::vector<std::uint8_t> bytes(ARGOSY_OBSERVATION_MAX_BYTES);
  bytes.resize(argosy_observation_encode(&observation, bytes.data(), bytes.size()));
  return bytes;
}
json decoded(const argosy_observation& observation) {
  return json::from_cbor(encoded(observation));
}

const float features[] = {0.25F, 0.5F, -1.5F};
const argosy_number numbers[] = {{"queue_depth", 0.1}, {"tokens", -3e9}};
const argosy_tag tags[] = {{"camera", "left"}, {"shift", "night 2"}};
argosy_observation full_observation() {
  argosy_observation observation = argosy_observation_of("digits", 70000);
  observation.release = "1.1";
  observation.predicted = 7;
  observation.confidence = 0.75;
  observation.label = 300;
  observation.features = features;
  observation.feature_count = 3;
  observation.numbers = numbers;
  observation.number_count = 2;
  observation.entropy = 0.5;
  observation.tags = tags;
  observation.tag_count = 2;
  observation.runtime = "onnxruntime 1.22.0";
  observation.id = 300;
  return observation;
}

class Observer {
 public:
  explicit Observer(const std::string& path) { opened_ = argosy_observer_open(&observer_, path.c_str()) == 0; }
  ~Observer() { argosy_observer_close(&observer_); }
  bool opened() const { return opened_; }
  bool send(const argosy_observation& observation) { return argosy_observe(&observer_, &observation) == 1; }

 private:
  argosy_observer observer_{};
  bool opened_ = false;
};

TEST(ObserveHeader, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(decoded(argosy_observation_of("digits", 5)), json({{"m", "digits"}, {"us", 5}, {"ok", true}}));
}

TEST(ObserveHeader, WritesEverythingThatIsKnown) {
  EXPECT_EQ(decoded(full_observation()), json({{"m", "digits"},
                                               {"r", "1.1"},
                                               {"us", 70000},
                                               {"ok", true},
                                               {"p", 7},
                                               {"c", 0.75},
                                               {"l", 300},
                                               {"f", {0.25, 0.5, -1.5}},
                                               {"n", {{"queue_depth", 0.1}, {"tokens", -3e9}}},
                                               {"h", 0.5},
                                               {"t", {{"camera", "left"}, {"shift", "night 2"}}},
                                               {"rt", "onnxruntime 1.22.0"},
                                               {"id", 300}}));
}

TEST(ObserveHeader, WritesIntegersOfEveryWidth) {
  for (const std::uint64_t us :
       {std::uint64_t{0}, std::uint64_t{23}, std::uint64_t{24}, std::uint64_t{255}, std::uint64_t{256},
        std::uint64_t{65535}, std::uint64_t{65536}, std::uint64_t{4294967295}, std::uint64_t{4294967296},
        std::numeric_limits<std::uint64_t>::max()}) {
    const argosy_observation observation = argosy_observation_of("m", us);
    EXPECT_EQ(decoded(observation)["us"], us);
    EXPECT_EQ(encoded(observation).size(), json::to_cbor(decoded(observation)).size()) << "not the shortest form";
  }
}

TEST(ObserveHeader, KnowsTheEntropyOfAPrediction) {
  const float sure[] = {0, 1, 0};
  const float undecided[] = {0.25F, 0.25F, 0.25F, 0.25F};
  EXPECT_EQ(argosy_entropy(sure, 3), 0.0);
  EXPECT_DOUBLE_EQ(argosy_entropy(undecided, 4), std::log(4.0));
  EXPECT_EQ(argosy_entropy(undecided, 0), 0.0);
}

TEST(ObserveHeader, SaysWhenAnInferenceFailed) {
  argosy_observation observation = argosy_observation_of("digits", 5);
  observation.ok = 0;
  EXPECT_EQ(decoded(observation)["ok"], false);
}

TEST(ObserveHeader, WritesWhatCameOfAShadowRunsInput) {
  std::vector<std::uint8_t> bytes(ARGOSY_OBSERVATION_MAX_BYTES);
  const auto written = [&bytes](const argosy_shadow_answer& answer) {
    const auto size = static_cast<std::ptrdiff_t>(argosy_shadow_encode(&answer, bytes.data(), bytes.size()));
    return json::from_cbor(bytes.begin(), bytes.begin() + size);
  };
  EXPECT_EQ(written({"digits", nullptr, "1.1", 1, 1, -1, -1}),
            json({{"m", "digits"}, {"nv", "1.1"}, {"ok", true}, {"a", true}}));
  EXPECT_EQ(
      written({"digits", "1.0", "1.1", 0, 0, 1, 0}),
      json({{"m", "digits"}, {"r", "1.0"}, {"nv", "1.1"}, {"ok", false}, {"a", false}, {"or", true}, {"nr", false}}));
  const argosy_shadow_answer nameless{"digits", nullptr, nullptr, 1, 1, -1, -1};
  EXPECT_EQ(argosy_shadow_encode(&nameless, bytes.data(), bytes.size()), 0U);
}

TEST(ObserveHeader, TellsALabelByTheIdOfItsObservation) {
  const std::string path = fresh_socket_path();
  AgentSocket agent(path);
  argosy_observer observer;
  ASSERT_EQ(argosy_observer_open(&observer, path.c_str()), 0);
  EXPECT_EQ(argosy_label(&observer, 1ULL << 40, 8), 1);
  EXPECT_EQ(argosy_label(&observer, 7, -300), 1);
  EXPECT_EQ(argosy_label(&observer, 0, 8), 0) << "no id, no label";
  argosy_observer_close(&observer);
  EXPECT_EQ(argosy_label(&observer, 7, 8), 0);
  EXPECT_EQ(agent.receive(), json({{"of", 1ULL << 40}, {"l", 8}}));
  EXPECT_EQ(agent.receive(), json({{"of", 7}, {"l", -300}}));
}

TEST(ObserveHeader, FindsTheCandidateThatTheAgentNames) {
  const std::string folder = ::testing::TempDir() + "candidate_of_header";
  std::filesystem::create_directories(folder);
  argosy_candidate found;
  EXPECT_EQ(argosy_candidate_find((folder + "/none").c_str(), &found), 0);
  std::ofstream(folder + "/candidate") << "1.1 b/model.onnx\n";
  ASSERT_EQ(argosy_candidate_find(folder.c_str(), &found), 1);
  EXPECT_STREQ(found.version, "1.1");
  EXPECT_EQ(found.path, folder + "/b/model.onnx");
  std::ofstream(folder + "/candidate") << "1.1\n";
  EXPECT_EQ(argosy_candidate_find(folder.c_str(), &found), 0);
}

TEST(ObserveHeader, IsTheSameInCAndInCpp) {
  const argosy_observation observation = full_observation();
  std::vector<std::uint8_t> bytes(ARGOSY_OBSERVATION_MAX_BYTES);
  bytes.resize(encode_in_c(&observation, bytes.data(), bytes.size()));
  EXPECT_EQ(bytes, encoded(observation));
}

TEST(ObserveHeader, WhatDoesNotFitIsDroppedWhole) {
  const std::vector<float> many(300, 1.0F);
  argosy_observation observation = full_observation();
  observation.features = many.data();
  observation.feature_count = many.size();
  EXPECT_TRUE(encoded(observation).empty());
  const std::vector<std::uint8_t> whole = encoded(full_observation());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::vector<std::uint8_t> bytes(size);
    const argosy_observation known = full_observation();
    EXPECT_EQ(argosy_observation_encode(&known, bytes.data(), size), 0U) << size;
  }
}

TEST(ObserveHeader, ANameThatIsMissingDropsTheObservationAndNotTheProgram) {
  argosy_observation observation = full_observation();
  const argosy_number nameless{nullptr, 1};
  observation.numbers = &nameless;
  observation.number_count = 1;
  EXPECT_TRUE(encoded(observation).empty());
  observation = full_observation();
  const argosy_tag without_value{"camera", nullptr};
  observation.tags = &without_value;
  observation.tag_count = 1;
  EXPECT_TRUE(encoded(observation).empty());
}

TEST(ObserveHeader, ReachesTheAgent) {
  const std::string path = fresh_socket_path();
  AgentSocket agent(path);
  ASSERT_TRUE(agent.bound());
  Observer observer(path);
  ASSERT_TRUE(observer.opened());
  EXPECT_TRUE(observer.send(full_observation()));
  EXPECT_EQ(agent.receive(), decoded(full_observation()));
}

TEST(ObserveHeader, WithoutAnAgentTheObservationIsDroppedAndErrnoIsKept) {
  Observer observer(fresh_socket_path());
  ASSERT_TRUE(observer.opened());
  errno = 77;
  EXPECT_FALSE(observer.send(full_observation()));
  EXPECT_EQ(errno, 77);
}

TEST(ObserveHeader, FindsAnAgentThatStartsLaterAndAgain) {
  const std::string path = fresh_socket_path();
  Observer observer(path);
  EXPECT_FALSE(observer.send(full_observation()));
  for (int life = 0; life < 2; ++life) {
    AgentSocket agent(path);
    ASSERT_TRUE(agent.bound());
    EXPECT_TRUE(observer.send(full_observation())) << life;
    EXPECT_TRUE(agent.receive().has_value());
  }
  EXPECT_FALSE(observer.send(full_observation()));
}

TEST(ObserveHeader, DropsWhenTheAgentIsBehindAndGoesOnWhenItCaughtUp) {
  const std::string path = fresh_socket_path();
  AgentSocket agent(path);
  Observer observer(path);
  int accepted = 0;
  while (accepted < 1'000'000 && observer.send(full_observation())) ++accepted;
  ASSERT_LT(accepted, 1'000'000) << "the queue never filled";
  while (agent.receive()) {
  }
  EXPECT_TRUE(observer.send(full_observation()));
}

TEST(ObserveHeader, RefusesAPathThatNoSocketCanHave) {
  EXPECT_FALSE(Observer("").opened());
  EXPECT_FALSE(Observer("/" + std::string(200, 'x')).opened());
  EXPECT_EQ(errno, ENAMETOOLONG);
}

}  // namespace
}  // namespace argosy::agent

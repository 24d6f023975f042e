// The shell on a real folder with a real patch.
#include "agent/update/model_updater.hpp"

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "common/base/random.hpp"
#include "common/delta/tensor_encode.hpp"
#include "tests/unit/agent/update/update_bench.hpp"

namespace argosy::agent {
namespace {

using test::Bench;
using test::blob_of;
namespace fs = std::filesystem;

void damage_behind(const fs::path& path, std::uint64_t offset) {
  std::string content = read_file(path).value();
  std::fill(content.begin() + static_cast<std::ptrdiff_t>(offset), content.end(), '\0');
  ASSERT_TRUE(write_file_atomically(path, content));
}

TEST(ModelUpdater, InstallsUpdatesAndGoesBack) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
  EXPECT_EQ(bench.served(), "model one");
  bench.install(bench.wish("1.1", "model two", 2));
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
  EXPECT_EQ(bench.served(), "model two");
  bench.install(bench.wish("1.0", "model one", 3));
  EXPECT_EQ(bench.served(), "model one");
  EXPECT_EQ(bench.updater().report().update->source, "local");
  EXPECT_TRUE(fs::is_empty(bench.storage().root() / "downloads"));
}

TEST(ModelUpdater, RejectsWhatTheRunnerRejects) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  bench.answer_with(0.5);
  bench.install(bench.wish("1.1", "model two", 2));
  EXPECT_EQ(bench.phase(), Phase::rejected);
  EXPECT_EQ(bench.updater().report().update->cause, "validate_rejected");
  EXPECT_EQ(bench.updater().report().update->metric_value, 0.5);
  EXPECT_EQ(bench.served(), "model one");
}

TEST(ModelUpdater, WithoutADataSetAModelIsStillLoaded) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  wire::DesiredModel wish = bench.wish("1.1", "model two", 2);
  wish.validation.dataset.reset();
  EXPECT_TRUE(write_file_atomically(
      bench.folder() / "runner",
      "#!/bin/sh\necho '{\"ok\": false, \"error\": {\"type\": \"malformed-model\"}}'\nexit 1\n", 0755));
  bench.install(wish);
  EXPECT_EQ(bench.updater().report().update->cause, "malformed_model");
  EXPECT_EQ(bench.served(), "model one");
}

TEST(ModelUpdater, HoldsANewVersionAgainstTheOneThatServes) {
  Bench bench;
  wire::DesiredModel wish = bench.wish("1.0", "model one", 1);
  wish.validation.max_loss = 0.01;
  bench.install(wish);
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.updater().report().update->message, "max_loss did not apply: no version served here");

  // The runner's answer depends on the model that it is given.
  EXPECT_TRUE(
      write_file_atomically(bench.folder() / "runner",
                            "#!/bin/sh\nif grep -q one \"$2\"; then v=0.95; else v=0.93; fi\n"
                            "echo \"{\\\"ok\\\": true, \\\"value\\\": $v, \\\"latency_ms\\\": {\\\"p95\\\": 2}}\"\n",
                            0755));
  wish = bench.wish("1.1", "model two", 2);
  wish.validation.max_loss = 0.01;
  bench.install(wish);
  EXPECT_EQ(bench.phase(), Phase::rejected);
  const auto update = *bench.updater().report().update;
  EXPECT_EQ(update.message, "accuracy is 0.93; the serving version's is 0.95, and at most 0.01 may be lost");
  EXPECT_EQ(update.metric_value, 0.93);
  EXPECT_EQ(update.serving_value, 0.95);
  EXPECT_EQ(update.serving_p95_ms, 2);
  EXPECT_EQ(bench.served(), "model one");
  wish.rollout = 3;
  wish.validation.max_loss = 0.05;
  bench.install(wish);
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
}

TEST(ModelUpdater, AFormTheRunnerDoesNotKnowIsTakenAsItIsUnlessItIsToBeMeasured) {
  Bench bench;
  wire::DesiredModel wish = bench.wish("1.0", "model one", 1);
  wish.format = "tflite";
  bench.install(wish);
  EXPECT_EQ(bench.phase(), Phase::failed);
  EXPECT_EQ(bench.updater().report().update->cause, "incompatible");
  EXPECT_NE(bench.updater().report().update->message.find("'tflite'"), std::string::npos);
  wish.rollout = 2;
  wish.validation.dataset.reset();
  bench.install(wish);
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
}

TEST(ModelUpdater, RollsBackWhatFailsInService) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  bench.updater().wish(bench.wish("1.1", "model two", 2));
  bench.run();
  ASSERT_EQ(bench.phase(), Phase::probation);
  EXPECT_EQ(bench.served(), "model two");
  bench.pass_probation({100, 50, 10.0, false});
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.served(), "model one");
}

TEST(ModelUpdater, SwitchedOffAfterAnyJobItEndsTheSameWay) {
  for (int steps = 0;; ++steps) {
    Bench bench;
    bench.install(bench.wish("1.0", "model one", 1));
    const auto wish = bench.wish("1.1", "model two", 2);
    bench.updater().wish(wish);
    bench.run(steps);
    const bool done = bench.phase() == Phase::probation;
    bench.start();
    EXPECT_FALSE(bench.served().empty()) << steps;
    bench.updater().wish(wish);
    bench.run();
    bench.pass_probation({100, 0, 10.0, false});
    EXPECT_EQ(bench.phase(), Phase::committed) << steps << ": " << bench.updater().state().message;
    EXPECT_EQ(bench.served(), "model two") << steps;
    if (done) break;
  }
}

// A device whose connection breaks, up to its wait for the next try.
void break_connection(Bench& bench) {
  bench.install(bench.wish("1.0", "model one", 1));
  bench.break_downloads_after(1);
  bench.updater().wish(bench.wish("1.1", std::string(20'000, 'n'), 2));
  bench.run();
  ASSERT_EQ(bench.phase(), Phase::downloading);
  ASSERT_TRUE(bench.updater().state().retry_at);
}

TEST(ModelUpdater, WallClockThatJumpsMakesNoWaitShorterOrLonger) {
  using namespace std::chrono_literals;
  for (const Duration jump : {Duration(-50 * 365 * 24h), Duration(-1s), Duration(1h), Duration(10 * 365 * 24h)}) {
    Bench bench;
    break_connection(bench);
    const Duration wait = *bench.updater().state().retry_at - bench.now();
    const int fetches = bench.fetches();
    bench.set_wall_clock(bench.now() + jump);
    if (wait > 1ms) bench.let_time_pass(wait - 1ms);
    EXPECT_EQ(bench.fetches(), fetches) << jump.count();
    bench.let_time_pass(1ms);
    EXPECT_EQ(bench.fetches(), fetches + 1) << jump.count();
  }
}

TEST(ModelUpdater, HeldDownloadSaysWhyAndGoesOnWhenItMay) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  bench.hold_downloads(Hold{bench.now() + std::chrono::hours(9), "waiting for tonight"});
  bench.updater().wish(bench.wish("1.1", "model two", 2));
  bench.run();
  EXPECT_EQ(bench.updater().report().update->state, "downloading");
  EXPECT_EQ(bench.updater().report().update->message, "waiting for tonight");
  EXPECT_NE(bench.log().find("digits: waiting for tonight\n"), std::string::npos);
  bench.start();  // the same after a restart
  bench.run();
  EXPECT_EQ(bench.updater().report().update->message, "waiting for tonight");
  bench.hold_downloads(std::nullopt);
  bench.let_time_pass(look_again);
  bench.run();
  bench.pass_probation({100, 0, 10.0, false});
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.served(), "model two");
}

TEST(ModelUpdater, ValidatedModelWaitsForItsHourAndCanBeCancelledMeanwhile) {
  for (const bool cancelled : {false, true}) {
    Bench bench;
    bench.install(bench.wish("1.0", "model one", 1));
    bench.hold_switch(Hold{bench.now() + std::chrono::minutes(1), "waiting for a quiet hour"});
    bench.updater().wish(bench.wish("1.1", "model two", 2));
    bench.run();
    EXPECT_EQ(bench.updater().report().update->state, "validating");
    EXPECT_EQ(bench.updater().report().update->message, "waiting for a quiet hour");
    EXPECT_EQ(bench.served(), "model one");
    if (cancelled) bench.updater().withdraw();
    bench.hold_switch(std::nullopt);
    bench.let_time_pass(std::chrono::minutes(1) + longest_spread);
    bench.run();
    bench.pass_probation({100, 0, 10.0, false});
    EXPECT_EQ(bench.phase(), cancelled ? Phase::failed : Phase::committed);
    EXPECT_EQ(bench.served(), cancelled ? "model one" : "model two");
  }
}

TEST(ModelUpdater, GoingBackWaitsForNoHour) {
  Bench bench;
  const auto first = bench.wish("1.0", "model one", 1);
  bench.install(first);
  bench.install(bench.wish("1.1", "model two", 2));
  bench.hold_switch(Hold{std::nullopt, "waiting"});
  bench.hold_downloads(Hold{std::nullopt, "waiting"});
  bench.install(bench.wish("1.0", "model one", 3));
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.served(), "model one");
}

class StreamedPatch : public testing::Test {
 protected:
  void SetUp() override {
    Rng rng(5);
    old_model_ = std::string(900'000, ' ');
    for (char& byte : old_model_) byte = static_cast<char>(rng());
    new_model_ = old_model_;
    for (std::size_t i = 0; i < new_model_.size(); i += 1 + rng() % 6) new_model_[i] = static_cast<char>(rng());
    bench_.install(bench_.wish("1.0", old_model_, 1));
    wish_ = bench_.wish("1.1", new_model_, 2);
    patch_ = patch_between(old_model_, new_model_);
    ASSERT_GT(patch_.size(), 100'000u);
    offer(old_model_, patch_, std::nullopt);
  }
  std::string patch_between(const std::string& from, const std::string& to) {
    EXPECT_TRUE(write_file_atomically(bench_.folder() / "old", from));
    EXPECT_TRUE(write_file_atomically(bench_.folder() / "new", to));
    EXPECT_TRUE(encode_tensor(bench_.folder() / "old", bench_.folder() / "new", bench_.folder() / "patch"));
    return read_file(bench_.folder() / "patch").value();
  }
  void offer(const std::string& from, const std::string& patch, const std::optional<wire::BlobRef>& result) {
    bench_.publish(patch);
    wish_.patches.push_back({blob_of(from).digest, "tensor", blob_of(patch), result});
  }
  void expect_new_model() {
    EXPECT_EQ(bench_.phase(), Phase::committed) << bench_.updater().state().message;
    EXPECT_TRUE(bench_.served() == new_model_);
    EXPECT_TRUE(fs::is_empty(bench_.storage().root() / "downloads"));
  }

  Bench bench_;
  std::string old_model_, new_model_, patch_;
  wire::DesiredModel wish_;
};

TEST_F(StreamedPatch, IsAppliedWithoutEverBeingOnTheDisk) {
  const std::uint64_t before = bench_.bytes_sent();
  bench_.install(wish_);
  expect_new_model();
  EXPECT_EQ(bench_.bytes_sent() - before, patch_.size());
  EXPECT_EQ(bench_.updater().report().update->source, "patch");
  EXPECT_EQ(bench_.updater().report().update->bytes, patch_.size());
}

TEST_F(StreamedPatch, GoesOnWhereTheConnectionBroke) {
  const std::uint64_t before = bench_.bytes_sent();
  bench_.break_downloads_after(20'000);
  bench_.updater().wish(wish_);
  for (int i = 0; i < 200 && bench_.phase() != Phase::probation; ++i) {
    bench_.run();
    bench_.let_time_pass(std::chrono::minutes(6));
  }
  bench_.pass_probation({100, 0, 10.0, false});
  expect_new_model();
  EXPECT_LT(bench_.bytes_sent() - before, patch_.size() + 20'000);  // the head, when it came in two
}

TEST_F(StreamedPatch, GoesOnWithWhatIsWholeAfterAPowerCut) {
  bench_.break_downloads_after(patch_.size() * 2 / 3);
  bench_.updater().wish(wish_);
  bench_.run();
  ASSERT_EQ(bench_.phase(), Phase::patching);
  const fs::path part = bench_.storage().part(wish_.artifact.digest);
  ASSERT_GT(fs::file_size(part), 300'000u);
  damage_behind(part, 290'000);  // written back late, and so lost
  const std::uint64_t before = bench_.bytes_sent();
  bench_.break_downloads_after(~0ULL);
  bench_.start();
  bench_.install(wish_);
  expect_new_model();
  EXPECT_LT(bench_.bytes_sent() - before, patch_.size());
}

TEST_F(StreamedPatch, OfADamagedLogNothingIsBelieved) {
  for (const char* fault : {"empty", "garbage", "cut"}) {
    Bench bench;
    bench.install(bench.wish("1.0", old_model_, 1));
    bench.wish("1.1", new_model_, 2);
    bench.publish(patch_);
    bench.break_downloads_after(patch_.size() * 2 / 3);
    bench.updater().wish(wish_);
    bench.run();
    const fs::path log = bench.storage().log(blob_of(patch_).digest);
    const std::string kept = read_file(log).value();
    const std::string wrong = fault == std::string("empty") ? ""
                              : fault == std::string("cut") ? kept.substr(0, kept.size() - 5)
                                                            : std::string(kept.size(), 'x');
    ASSERT_TRUE(write_file_atomically(log, wrong));
    bench.break_downloads_after(~0ULL);
    bench.start();
    bench.install(wish_);
    EXPECT_EQ(bench.phase(), Phase::committed) << fault << ": " << bench.updater().state().message;
    EXPECT_TRUE(bench.served() == new_model_) << fault;
    EXPECT_EQ(bench.updater().report().update->source, "patch") << fault;
  }
}

TEST_F(StreamedPatch, DamagedOnTheWayFallsBackToTheRestOfTheWholeFile) {
  std::string damaged = patch_;
  damaged[damaged.size() * 3 / 4] ^= 1;
  wish_.patches.clear();
  offer(old_model_, damaged, std::nullopt);
  const std::uint64_t before = bench_.bytes_sent();
  bench_.install(wish_);
  expect_new_model();
  EXPECT_EQ(bench_.updater().report().update->source, "full");
  EXPECT_LT(bench_.bytes_sent() - before, new_model_.size());  // what the patch had made was right
}

TEST_F(StreamedPatch, ForAnotherBaseFallsBackToTheWholeFile) {
  wish_.patches.clear();
  offer(old_model_, patch_between(new_model_, new_model_ + "x"), std::nullopt);
  bench_.install(wish_);
  expect_new_model();
  EXPECT_EQ(bench_.updater().report().update->source, "full");
}

TEST_F(StreamedPatch, TwoInARowLeadOverAStep) {
  const std::string step = new_model_.substr(0, 400'000) + old_model_.substr(400'000);
  wish_.patches.clear();
  offer(old_model_, patch_between(old_model_, step), blob_of(step));
  offer(step, patch_between(step, new_model_), std::nullopt);
  const std::uint64_t before = bench_.bytes_sent();
  bench_.install(wish_);
  expect_new_model();
  EXPECT_EQ(bench_.updater().report().update->source, "patch");
  EXPECT_EQ(bench_.bytes_sent() - before, wish_.patches[0].blob.size + wish_.patches[1].blob.size);
}

TEST(ModelUpdater, DamagedPatchFallsBackToTheWholeFile) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  wire::DesiredModel wish = bench.wish("1.1", "model two and a little more to make the patch worth while", 2);
  bench.publish("BSDIFF40 but not really");
  wish.patches.push_back({blob_of("model one").digest, "bsdiff", blob_of("BSDIFF40 but not really"), {}});
  bench.install(wish);
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
  EXPECT_EQ(bench.updater().report().update->source, "full");
}

TEST(ModelUpdater, DamagedSlotIsFetchedAgain) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  bench.updater().wish(bench.wish("1.1", "model two", 2));
  bench.run();
  bench.pass_probation({100, 50, 10.0, false});
  ASSERT_EQ(bench.phase(), Phase::rolled_back);
  ASSERT_TRUE(write_file_atomically(bench.storage().model("digits") / "b/model.onnx", "model tow"));
  bench.install(bench.wish("1.1", "model two", 3));
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
  EXPECT_EQ(bench.served(), "model two");
}

TEST(ModelUpdater, JournalThatCannotBeWrittenHoldsTheUpdateUpAndLosesNothing) {
  for (int steps = 0; steps < 12; ++steps) {
    Bench bench;
    bench.install(bench.wish("1.0", "model one", 1));
    bench.updater().wish(bench.wish("1.1", "model two", 2));
    bench.run(steps);
    const fs::path state = bench.storage().root() / "state";
    fs::rename(state, state.string() + ".away");
    bench.run();
    EXPECT_FALSE(bench.served().empty()) << steps;
    fs::rename(state.string() + ".away", state);
    for (int i = 0; i < 20; ++i) {
      bench.updater().tick();
      bench.run();
    }
    bench.pass_probation({100, 0, 10.0, false});
    EXPECT_EQ(bench.phase(), Phase::committed) << steps << ": " << bench.updater().state().message;
  }
}

TEST(ModelUpdater, JournalOfANewerAgentIsLeftAlone) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  ASSERT_TRUE(write_file_atomically(bench.storage().journal("digits"), R"({"schema": 99})"));
  UpdaterPorts ports;
  ports.log = [](const std::string&) {};
  ports.now = wall_clock_now;
  const auto updater = std::make_shared<ModelUpdater>(
      UpdaterOptions{"digits", bench.storage(), bench.folder() / "runner", std::nullopt, 7, {}}, std::move(ports));
  const auto started = updater->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::incompatible);
  EXPECT_EQ(bench.served(), "model one");
}

wire::DesiredModel with_parts(Bench& bench, wire::DesiredModel wish,
                              const std::vector<std::pair<std::string, std::string>>& parts) {
  for (const auto& [name, content] : parts) {
    bench.publish(content);
    wish.parts.push_back({name, test::blob_of(content), {}});
  }
  return wish;
}

std::string beside(const Bench& bench, const std::string& name) {
  return read_file(bench.storage().model("digits") / "current" / name).value();
}

TEST(ModelUpdater, FilesOfAVersionLieInOneFolderUnderTheirNames) {
  Bench bench;
  const std::string labels = "cat";
  bench.install(
      with_parts(bench, bench.wish("1.0", "model one", 1), {{"labels.txt", labels}, {"model.onnx.data", "w1"}}));
  EXPECT_EQ(beside(bench, "model.onnx.data"), "w1");
  const auto sent = bench.bytes_sent();
  bench.install(
      with_parts(bench, bench.wish("1.1", "model one", 2), {{"model.onnx.data", "w2"}, {"labels.txt", labels}}));
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
  EXPECT_EQ(bench.bytes_sent() - sent, 2U) << "what lies in the slot is not sent again";
  EXPECT_EQ(beside(bench, "model.onnx.data"), "w2");
  EXPECT_EQ(beside(bench, "labels.txt"), labels);
  EXPECT_TRUE(fs::is_empty(bench.storage().root() / "downloads"));
}

TEST(ModelUpdater, AFileInTheSlotWhoseBytesChangedIsFetchedAgain) {
  Bench bench;
  bench.install(with_parts(bench, bench.wish("1.0", "model one", 1), {{"labels.txt", "cat"}}));
  ASSERT_TRUE(write_file_atomically(bench.storage().model("digits") / "current" / "labels.txt", "dog"));
  bench.install(with_parts(bench, bench.wish("1.1", "model two", 2), {{"labels.txt", "cat"}}));
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
  EXPECT_EQ(beside(bench, "labels.txt"), "cat");
  EXPECT_EQ(bench.updater().report().update->bytes, 9U + 3);
}

TEST(ModelUpdater, AVersionThatLostAFileServesNoMore) {
  Bench bench;
  bench.install(with_parts(bench, bench.wish("1.0", "model one", 1), {{"labels.txt", "cat"}}));
  ASSERT_TRUE(remove_tree(bench.storage().model("digits") / "current" / "labels.txt"));
  bench.start();
  bench.run();
  EXPECT_FALSE(bench.updater().served().has_value());
}

}  // namespace
}  // namespace argosy::agent

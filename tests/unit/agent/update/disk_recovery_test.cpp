// What a start makes of what it finds: a journal that counts starts, is damaged, old or too new; a disk that did not
// answer at one call that matters.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/unit/agent/update/update_scenario.hpp"

namespace argosy::agent {
namespace {

using argosy::test::Fault;
using argosy::test::FaultyDisk;
using argosy::test::Image;
using argosy::test::image_of;
using argosy::test::Unsynced;
namespace fs = std::filesystem;
using test::Bench;
using test::litter_on;
using test::play;
using test::ScenarioStep;
using test::whole_served_model;

const ProbationTotals good_traffic{100, 0, 10.0, false};

// A device that serves version 1.0 and is given 1.1.
class DiskRecovery : public testing::Test {
 protected:
  DiskRecovery() {
    bench_.answer_with(0.95);
    bench_.stop_when([this] { return disk_.died(); });
    bench_.start();
  }
  static const Image& start() {
    static const Image image = [] {
      Bench bench;
      bench.install(bench.wish("1.0", "model one", 1));
      return image_of(bench.storage().root());
    }();
    return image;
  }
  wire::DesiredModel wish() { return bench_.wish("1.1", "model two", 2); }
  void enter_probation() {
    bench_.updater().wish(wish());
    bench_.run();
    ASSERT_EQ(bench_.phase(), Phase::probation);
  }
  void lose_power() {
    bench_.switch_off();
    disk_.lose_power(Unsynced::lost, 1);
  }
  fs::path journal() const { return bench_.storage().journal("digits"); }
  UpdateState journalled() const { return decode_journal(read_file(journal()).value()).value(); }
  // The call that renames to `path`, or the sync that follows it, in an update without faults.
  std::size_t call_at(FaultyDisk::Call call, const std::string& path) {
    Bench bench{Bench::SwitchedOff{}};
    FaultyDisk disk(bench.storage().root(), start());
    const DiskInPlace in_place(disk);
    bench.answer_with(0.95);
    bench.start();
    bench.install(bench.wish("1.1", "model two", 2));
    const auto& calls = disk.calls();
    const auto swap = std::find_if(calls.begin(), calls.end(), [&](const auto& each) {
      return each.call == FaultyDisk::Call::rename && each.path == path;
    });
    const auto found = std::find_if(swap, calls.end(), [&](const auto& each) { return each.call == call; });
    EXPECT_NE(found, calls.end());
    return static_cast<std::size_t>(found - calls.begin());
  }

  Bench bench_{Bench::SwitchedOff{}};
  FaultyDisk disk_{bench_.storage().root(), start()};
  DiskInPlace in_place_{disk_};
};

TEST_F(DiskRecovery, EachStartIsCountedBeforeAnythingIsDone) {
  enter_probation();
  for (int starts = 1; starts <= max_starts; ++starts) {
    lose_power();
    bench_.start();  // and not one job is run
    EXPECT_EQ(journalled().starts, starts);
    EXPECT_EQ(bench_.phase(), Phase::probation);
  }
}

TEST_F(DiskRecovery, AModelThatRebootsTheDeviceInProbationIsRolledBack) {
  enter_probation();
  int starts = 0;
  for (; starts < 20 && bench_.phase() == Phase::probation; ++starts) {
    EXPECT_EQ(bench_.served(), "model two");
    lose_power();
    bench_.start();
    if (bench_.phase() == Phase::probation) bench_.run();
  }
  EXPECT_EQ(starts, max_starts + 1);
  lose_power();  // once more, before the link is back
  bench_.start();
  bench_.run();
  EXPECT_EQ(bench_.phase(), Phase::rolled_back);
  EXPECT_EQ(bench_.updater().state().cause, "attempts_exhausted");
  EXPECT_EQ(whole_served_model(bench_), "model one");
  EXPECT_EQ(litter_on(bench_), "");
}

TEST_F(DiskRecovery, ADamagedJournalIsSetAsideAndTheDiskDecides) {
  for (const int jobs : {0, 1, 3, 5, 7, 9, 100}) {
    for (const std::string& damaged : {std::string(), std::string("{"), std::string(500, '\0'), std::string("[1]")}) {
      argosy::test::write_image(start(), bench_.storage().root());
      bench_.start();
      bench_.updater().wish(wish());
      bench_.run(jobs);
      bench_.switch_off();
      ASSERT_TRUE(write_file_atomically(journal(), damaged));
      bench_.start();
      bench_.run();
      EXPECT_EQ(whole_served_model(bench_), "model one") << jobs;
      EXPECT_TRUE(bench_.phase() == Phase::idle || bench_.phase() == Phase::rolled_back) << jobs;
      EXPECT_TRUE(fs::exists(journal().string() + ".corrupt"));
      bench_.install(wish());
      EXPECT_EQ(bench_.phase(), Phase::committed) << jobs << ": " << bench_.updater().state().message;
      EXPECT_EQ(whole_served_model(bench_), "model two");
    }
  }
}

TEST_F(DiskRecovery, AJournalOfANewerAgentIsRefusedAndNotAByteIsChanged) {
  enter_probation();
  bench_.switch_off();
  ASSERT_TRUE(write_file_atomically(journal(), R"({"schema": 2, "phase": "probation"})"));
  const Image before = image_of(bench_.storage().root());
  const auto started = bench_.try_to_start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::incompatible);
  EXPECT_TRUE(image_of(bench_.storage().root()) == before);
  EXPECT_EQ(whole_served_model(bench_), "model two");
}

TEST_F(DiskRecovery, ASwapWhoseSyncFailsIsTakenBack) {
  disk_.fail_at(call_at(FaultyDisk::Call::sync, "models/digits/current"), Fault::io_error);
  bench_.install(wish());
  EXPECT_EQ(bench_.phase(), Phase::rolled_back) << bench_.log();
  EXPECT_EQ(bench_.updater().state().cause, "activate");
  EXPECT_EQ(whole_served_model(bench_), "model one");
}

TEST_F(DiskRecovery, AVersionThatTheDiskHidesForAMomentIsNotTakenForLost) {
  bench_.install(wish());
  bench_.switch_off();
  disk_.fail_at(disk_.calls().size() + 2, Fault::io_error);  // journal, release.json of a, release.json of b
  const auto started = bench_.try_to_start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::io);
  bench_.start();
  bench_.run();
  EXPECT_EQ(whole_served_model(bench_), "model two");
}

TEST_F(DiskRecovery, WhatTheLastRunDidNotSweepIsSweptAtTheStart) {
  bench_.updater().wish(wish());
  bench_.install(wish());
  bench_.switch_off();
  for (const char* suffix : {"", ".part", ".log"})
    ASSERT_TRUE(write_file_atomically(bench_.storage().download(wish().artifact.digest).string() + suffix, "left"));
  bench_.start();
  bench_.run();
  EXPECT_EQ(litter_on(bench_), "");
}

TEST_F(DiskRecovery, ACommitThatCouldNotBeNotedIsNotedLater) {
  enter_probation();
  disk_.fail_at(disk_.calls().size() + 7, Fault::read_only);  // the journal takes seven
  bench_.pass_probation(good_traffic);
  ASSERT_EQ(bench_.phase(), Phase::committed);
  const ModelFolder folder(bench_.storage().model("digits"));
  EXPECT_FALSE(folder.read()->served()->proven);
  disk_.heal();
  bench_.let_time_pass(std::chrono::seconds(1));
  bench_.run();
  EXPECT_TRUE(folder.read()->served()->proven);
}

}  // namespace
}  // namespace argosy::agent

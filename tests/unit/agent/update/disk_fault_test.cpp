// Every call that an update makes of the disk goes wrong in every way that it can: the power goes there, with what was
// not synced kept, lost or partly lost; the disk refuses, is full, or has become read-only. A whole model serves
// afterwards, the update ends as it should, and nothing is left lying about.
#include <iostream>

#include <gtest/gtest.h>

#include "tests/unit/agent/update/update_scenario.hpp"

namespace argosy::agent {
namespace {

using argosy::test::Fault;
using argosy::test::FaultyDisk;
using argosy::test::Unsynced;
using test::Bench;
using test::litter_on;
using test::play;
using test::Scenario;
using test::ScenarioStep;
using test::whole_served_model;

// Sanitizers look for what does not hang on the call that fails, and take their time.
#ifdef ARGOSY_SANITIZE_ADDRESS
constexpr std::size_t stride = 40;
#else
constexpr std::size_t stride = 1;
#endif

std::size_t points_of_all = 0;

class PointCount : public testing::Environment {
 public:
  void TearDown() override { std::cout << "all scenarios: " << points_of_all << " faults\n"; }
};
const auto* const point_count = testing::AddGlobalTestEnvironment(new PointCount);

// One device whose disk fails.
class Trial {
 public:
  explicit Trial(const Scenario& scenario)
      : scenario_(scenario), disk_(bench_.storage().root(), scenario.start), in_place_(disk_) {
    had_model_ = scenario.start.contains("models/digits/current");
    bench_.stop_when([this] { return disk_.died(); });
  }

  void run_whole() {
    for (const ScenarioStep& step : scenario_.steps) run(step);
    disk_.heal();
    expect_the_end();
  }

  FaultyDisk& disk() { return disk_; }
  // Of one call that fails an update may end as failed; it is then asked for once more.
  void allow_failure() { may_fail_ = true; }
  // What is lost at each power cut that is to come.
  void lose(Unsynced unsynced, std::uint64_t seed) { unsynced_ = unsynced, seed_ = seed; }
  // The next power cuts come so many calls after a start.
  void cut_again_after(std::vector<std::size_t> calls) { cuts_ = std::move(calls); }

 private:
  void run(const ScenarioStep& step) {
    bench_.answer_with(step.accuracy);
    std::uint32_t attempt = 0;
    for (int life = 0; life < 8; ++life) {
      if (!is_on_ && !start()) continue;
      const bool ended = play(bench_, step, attempt);
      if (disk_.died()) {
        is_on_ = false;
        lose_power();
        continue;
      }
      disk_.heal();
      const UpdateState& state = bench_.updater().state();
      expect_served();
      if (ended && state.phase == step.end) return;
      if (!ended) continue;  // it waits for the disk, which is in order now
      EXPECT_TRUE(state.phase == Phase::failed || state.phase == Phase::rolled_back) << to_string(state.phase);
      EXPECT_FALSE(state.cause.empty() || state.message.empty());
      EXPECT_TRUE(may_fail_) << "a power cut is no reason to give up: " << state.message;
      ++attempt;
    }
    ADD_FAILURE() << "the step never ended as it should: " << bench_.updater().state().message << '\n' << bench_.log();
  }

  bool start() {
    is_on_ = true;
    const auto started = bench_.try_to_start();
    if (!started) is_on_ = false;
    if (disk_.died())
      lose_power(), is_on_ = false;
    else if (!started)
      disk_.heal();  // a later start finds the disk in order
    return is_on_;
  }

  void lose_power() {
    bench_.switch_off();
    disk_.lose_power(unsynced_, seed_++);
    expect_served();  // by the link alone, before the agent has come up
    if (cuts_.empty()) return;
    disk_.fail_at(disk_.calls().size() + cuts_.back(), Fault::stop);
    cuts_.pop_back();
  }

  void expect_served() {
    if (had_model_) {
      EXPECT_FALSE(whole_served_model(bench_).empty());
    }
  }

  void expect_the_end() {
    const ScenarioStep& last = scenario_.steps.back();
    bench_.let_time_pass(std::chrono::seconds(1));
    bench_.run();
    EXPECT_TRUE(whole_served_model(bench_) == last.serves) << "another model serves than should";
    const UpdateState& state = bench_.updater().state();
    EXPECT_EQ(state.phase, last.end) << state.message;
    EXPECT_EQ(state.slots, *ModelFolder(bench_.storage().model("digits")).read());
    EXPECT_EQ(litter_on(bench_), "");
  }

  const Scenario& scenario_;
  Bench bench_{Bench::SwitchedOff{}};
  FaultyDisk disk_;
  DiskInPlace in_place_;
  Unsynced unsynced_ = Unsynced::lost;
  std::uint64_t seed_ = 1;
  std::vector<std::size_t> cuts_;
  bool had_model_ = false;
  bool may_fail_ = false;
  bool is_on_ = false;
};

std::vector<FaultyDisk::Record> calls_of(const Scenario& scenario) {
  Trial trial(scenario);
  trial.run_whole();
  return trial.disk().calls();
}

class EveryCall : public testing::TestWithParam<std::size_t> {
 protected:
  const Scenario& scenario() const { return test::scenarios()[GetParam()]; }

  // Whether it went well.
  bool fail(std::size_t at, const FaultyDisk::Record& call, Fault fault, Unsynced unsynced) {
    const std::uint64_t seed = 1 + at;
    SCOPED_TRACE(std::string(to_string(fault)) + " at call " + std::to_string(at) + " (" +
                 std::to_string(static_cast<int>(call.call)) + " " + call.path + "), unsynced " +
                 std::string(to_string(unsynced)) + ", seed " + std::to_string(seed));
    Trial trial(scenario());
    trial.disk().fail_at(at, fault);
    trial.lose(unsynced, seed);
    if (fault == Fault::io_error || fault == Fault::no_space || fault == Fault::read_only) trial.allow_failure();
    trial.run_whole();
    ++points_;
    return !HasFailure();
  }
  void TearDown() override {
    points_of_all += points_;
    std::cout << scenario().name << ": " << points_ << " faults\n";
  }

  std::size_t points_ = 0;
};

TEST_P(EveryCall, MayLoseThePower) {
  const auto calls = calls_of(scenario());
  for (std::size_t at = 0; at < calls.size(); at += stride)
    for (const Fault fault : {Fault::stop, Fault::torn})
      for (const Unsynced unsynced : {Unsynced::kept, Unsynced::lost, Unsynced::partly_lost})
        if (FaultyDisk::fits(fault, calls[at]) && !fail(at, calls[at], fault, unsynced)) return;
}

TEST_P(EveryCall, MayFail) {
  const auto calls = calls_of(scenario());
  for (std::size_t at = 0; at < calls.size(); at += stride)
    for (const Fault fault : {Fault::io_error, Fault::no_space, Fault::short_write, Fault::read_only})
      if (FaultyDisk::fits(fault, calls[at]) && !fail(at, calls[at], fault, Unsynced::lost)) return;
}

TEST_P(EveryCall, AFewPowerCutsInARowAreSurvived) {
  const std::size_t calls = calls_of(scenario()).size();
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    Trial trial(scenario());
    trial.lose(Unsynced::partly_lost, seed);
    trial.disk().fail_at(rng() % calls, Fault::stop);
    trial.cut_again_after({rng() % calls, rng() % 30, rng() % 60});
    trial.run_whole();
    ++points_;
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, EveryCall, testing::Range(std::size_t{0}, test::scenarios().size()),
                         [](const auto& info) { return test::scenarios()[info.param].name; });

}  // namespace
}  // namespace argosy::agent

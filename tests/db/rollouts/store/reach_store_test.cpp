#include "server/rollouts/store/reach_store.hpp"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "common/base/random.hpp"
#include "server/db/advisory_locks.hpp"
#include "server/rollouts/core/clock_sql.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

using std::chrono::seconds;
using Names = std::vector<std::string>;

class ReachStore : public RolloutFleet {
 protected:
  void follow() { run(pool.transact<FollowPresence>(std::size_t{1000})).value(); }

  // What a look at all rows and at presence as it is gives, by the rules of core/rollout.
  Reach look(std::int64_t id, int wave) {
    Reach reach;
    for (const auto& row :
         database.exec("select q.state, s.presence in ('online', 'late') from rollout_devices q join device_state s "
                       "using (device_id) where q.rollout_id = " +
                       std::to_string(id) + " and q.wave = " + std::to_string(wave))) {
      const auto step = parse_device_step(row[0].as<std::string>()).value();
      const bool reachable = row[1].as<bool>();
      reach.queued += step == DeviceStep::queued && reachable;
      reach.running += is_in_progress(step) && reachable;
      reach.fetching += is_fetching(step) && reachable;
      reach.suspects += is_switching(step) && !reachable;
      reach.going_back += step == DeviceStep::rolling_back && reachable;
    }
    return reach;
  }

  void expect_kept(std::int64_t id, const std::string& when) {
    const auto record = get(id).record;
    for (std::size_t wave = 0; wave < record.waves.size(); ++wave) {
      const auto is = record.waves[wave].reach;
      const auto should = look(id, static_cast<int>(wave));
      EXPECT_EQ(is.queued, should.queued) << when << ", " << wave_name(static_cast<int>(wave));
      EXPECT_EQ(is.running, should.running) << when << ", " << wave_name(static_cast<int>(wave));
      EXPECT_EQ(is.fetching, should.fetching) << when << ", " << wave_name(static_cast<int>(wave));
      EXPECT_EQ(is.suspects, should.suspects) << when << ", " << wave_name(static_cast<int>(wave));
      EXPECT_EQ(is.going_back, should.going_back) << when << ", " << wave_name(static_cast<int>(wave));
    }
  }
};

// Any mixture of what moves devices and of presence that comes and goes: the counts are those of the rows.
TEST_F(ReachStore, CountsAreThoseOfTheRowsWhateverHappens) {
  constexpr std::array presences{"online", "late", "offline", "never_seen"};
  constexpr std::array states{"downloading", "validating", "activating", "probation", "committed", "failed"};
  add_twelve();
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Rng rng(seed);
    const auto version = "2." + std::to_string(seed);
    publish(version);
    const auto id =
        started(version, {{"waves", {{{"share", 0.5}}, {{"share", 1.0}}}}, {"abort", nlohmann::json::array()}});
    const auto devices = database.exec("select id from devices order by id");
    for (int i = 0; i < 60; ++i) {
      const auto device = devices[static_cast<int>(rng.below(12))][0].as<std::string>();
      if (rng.below(2) == 0) {
        set_presence(device, presences[rng.below(presences.size())]);
      } else {
        report(id, device, states[rng.below(states.size())], "activate");
      }
      if (i == 30) (void)operate(id, Operation::retry);
      if (i == 45) (void)operate(id, Operation::rollback);
      if (rng.below(3) == 0) tick();
      follow();
      expect_kept(id, "seed " + std::to_string(seed) + ", step " + std::to_string(i));
    }
  }
}

TEST_F(ReachStore, ACallTakesNoMoreThanItsLimitAndTheOldestFirst) {
  add_twelve();
  const auto id = started();
  follow();
  for (const auto* device : {"fp32-1", "fp32-2", "fp32-3"}) set_presence(device, "offline");
  EXPECT_EQ(run(pool.transact<FollowPresence>(std::size_t{2})).value(), 2U);
  EXPECT_EQ(database.value<int>("select count(*) from rollout_devices where reachable_since is null"), 2);
  EXPECT_EQ(run(pool.transact<FollowPresence>(std::size_t{2})).value(), 1U);
  EXPECT_EQ(run(pool.transact<FollowPresence>(std::size_t{2})).value(), 0U);
  expect_kept(id, "afterwards");
}

TEST_F(ReachStore, OnlineAndLateAreOneForTheClockOfADeviceThatDoesNotBegin) {
  add_device("fp32-1");
  const auto id = started("1.1", {{"in_progress_timeout_s", 100}});
  tick();
  EXPECT_EQ(devices_in(id, "notified"), (Names{"fp32-1"}));
  pass(seconds(60));
  set_presence("fp32-1", "late");
  pass(seconds(41));
  tick();
  EXPECT_EQ(devices_in(id, "timeout"), (Names{"fp32-1"}));
}

// What has an outcome is not followed; the row of a device that tries again is as presence is then.
TEST_F(ReachStore, WhoTriesAgainAfterAnOutcomeIsReachableAsItIsThen) {
  add_twelve();
  const auto id = started("1.1", {{"waves", {{{"share", 1.0}}}}, {"abort", nlohmann::json::array()}});
  tick();
  report_all(id, "notified", "failed", "activate");
  set_presence("fp32-1", "offline");
  follow();
  operate(id, Operation::retry).value();
  expect_kept(id, "after the retry");
  tick();
  EXPECT_EQ(devices_in(id, "queued"), (Names{"fp32-1"}));
}

TEST_F(ReachStore, WhoJoinsIsCountedAsPresenceIs) {
  add_twelve();
  const auto id = started("1.1", {{"targets", "dynamic"}});
  follow();
  for (const auto* device : {"fp32-8", "fp32-9"}) add_device(device);
  set_presence("fp32-9", "offline");
  pass(seconds(10));
  tick();
  EXPECT_EQ(get(id).record.waves[1].planned, 11);
  expect_kept(id, "after they joined");
}

TEST_F(ReachStore, TheOldestClocksAreReadFromIndexes) {
  add_twelve();
  started();
  database.exec("set enable_seqscan = off");
  const std::array clocks{std::pair{clock_of_begun(), "rollout_devices_begun"},
                          std::pair{clock_of_told(), "rollout_devices_told"}};
  for (const auto& [clock, index] : clocks) {
    std::string plan;
    for (const auto& row :
         database.exec("explain select " + clock.since + " from rollout_devices q where q.rollout_id = 1 and " +
                       clock.runs + " order by " + clock.since + " limit 1"))
      plan += row[0].as<std::string>() + "\n";
    EXPECT_NE(plan.find(index), std::string::npos) << plan;
    EXPECT_EQ(plan.find("Sort"), std::string::npos) << plan;
  }
}

// The index of the queue is found by what the statement asks.
TEST_F(ReachStore, TheQueueIsReadFromAnIndexInItsOrder) {
  add_twelve();
  started();
  std::string plan;
  database.exec("set enable_seqscan = off");
  for (const auto& row :
       database.exec("explain select device_id from rollout_devices where rollout_id = 1 and state = 'queued' and "
                     "reachable_since is not null "
                     "and wave <= 1 and (wave, device_id) > (-1, '') order by wave, device_id limit 3"))
    plan += row[0].as<std::string>() + "\n";
  EXPECT_NE(plan.find("rollout_devices_ready"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("Sort"), std::string::npos) << plan;
}

}  // namespace
}  // namespace argosy::server

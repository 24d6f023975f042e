// Devices that fail again and again rest; others try again by themselves where the policy says so.
#include <nlohmann/json.hpp>

#include "server/rollouts/core/penalty_box.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::seconds;

class FailingDevices : public RolloutFleet {
 protected:
  // The rules alone, so that what is tested is not stopped by an abort criterion or a gate.
  json lenient() {
    return {{"waves", {{{"share", 1.0}}}}, {"abort", json::array()}, {"gate", {{"bake_s", 0}, {"success_share", 0.0}}}};
  }
  json with(json more) {
    auto policy = lenient();
    policy.merge_patch(more);
    return policy;
  }
  void fail(std::int64_t id, const std::string& device, const std::string& cause = "download") {
    report(id, device, "downloading");
    report(id, device, "failed", cause);
  }
  // Three rollouts, in each of which the device fails.
  void fail_three_times(const std::string& device) {
    for (int i = 0; i < 3; ++i) {
      const auto id = started("1.1", lenient());
      tick();
      fail(id, device);
    }
  }
  Instant end_of_rest(const std::string& device) {
    return run(rollouts->devices(newest(), "", "", 500, now)).value().items.at(index_of(device)).resting_until.value();
  }
  std::int64_t newest() { return database.value<std::int64_t>("select max(id) from rollouts"); }
  std::size_t index_of(const std::string& device) {
    const auto all = devices_in(newest(), "");
    return static_cast<std::size_t>(std::find(all.begin(), all.end(), device) - all.begin());
  }
  int failures_of(const std::string& device) {
    return database.value<int>("select coalesce(max(failures), 0) from device_failures where device_id = '" + device +
                               "'");
  }
};

TEST_F(FailingDevices, RestAfterThreeFailuresInWhicheverRollouts) {
  add_device("fp32-1");
  fail_three_times("fp32-1");
  EXPECT_EQ(failures_of("fp32-1"), 3);
  const auto end = end_of_rest("fp32-1");
  auto jitter = jitter_for("fp32-1", newest(), 3);
  EXPECT_EQ(end, instant_from_ms(to_ms(now)) + rest_after(3, jitter).value());
  EXPECT_EQ(
      database.value<int>("select count(*) from events where device_id = 'fp32-1' and message like '%rests until%'"),
      1);

  const auto next = started("1.1", lenient());
  tick();
  EXPECT_EQ(devices_in(next, "queued"), std::vector<std::string>{"fp32-1"}) << "a newer rollout does not tell it";
  now = end - seconds(1);
  tick();
  EXPECT_EQ(devices_in(next, "queued").size(), 1U);
  now = end + seconds(1);
  tick();
  EXPECT_EQ(devices_in(next, "notified").size(), 1U);
}

TEST_F(FailingDevices, ASuccessClearsTheirCount) {
  add_device("fp32-1");
  for (int i = 0; i < 2; ++i) {
    const auto id = started("1.1", lenient());
    tick();
    fail(id, "fp32-1");
  }
  const auto id = started("1.1", lenient());
  tick();
  report(id, "fp32-1", "committed");
  EXPECT_EQ(failures_of("fp32-1"), 0);
}

TEST_F(FailingDevices, ARetryLeavesThoseThatRestUnlessItIncludesThem) {
  add_device("fp32-1");
  fail_three_times("fp32-1");
  const auto id = newest();
  operate(id, Operation::retry).value();
  tick();
  EXPECT_EQ(devices_in(id, "queued").size(), 1U);
  EXPECT_EQ(database.value<std::string>("select message from rollout_decisions where decision = 'retry'"),
            "1 failed devices try again, asked by user:ada; 1 of them rest first, for they failed again and again");
  EXPECT_EQ(get(id).record.state, RolloutState::running) << "who rests blocks nothing, as who is away";

  const auto another = started("1.1", with({{"include_resting", true}}));
  tick();
  EXPECT_EQ(devices_in(another, "notified").size(), 1U) << "a policy that includes them";
  fail(another, "fp32-1");
  EXPECT_EQ(failures_of("fp32-1"), 4);

  const auto retried = run(rollouts->operate({another, Operation::retry, "*", "", "user:ada", true}, now));
  ASSERT_TRUE(retried) << retried.error().message;
  EXPECT_FALSE(run(rollouts->devices(another, "", "", 500, now)).value().items.at(0).resting_until);
}

TEST_F(FailingDevices, BlockNoGateWhileTheyRest) {
  add_device("fp32-1");
  fail_three_times("fp32-1");
  add_device("fp32-2");
  const auto next = started("1.1", lenient());
  tick();
  report(next, "fp32-2", "committed");
  for (int i = 0; i < 3; ++i) tick();
  EXPECT_EQ(state_of(next), RolloutState::completed);
  EXPECT_EQ(devices_in(next, "queued"), std::vector<std::string>{"fp32-1"});
  pass(hours(1));
  tick();
  EXPECT_EQ(devices_in(next, "notified"), std::vector<std::string>{"fp32-1"}) << "told when it has rested";
}

TEST_F(FailingDevices, TryAgainByThemselvesWhereThePolicySaysSo) {
  add_device("fp32-1");
  add_device("fp32-2");
  add_device("fp32-3");
  const auto id = started("1.1", with({{"retry", {{"causes", {"download"}}, {"max_attempts", 2}, {"backoff_s", 60}}}}));
  tick();
  fail(id, "fp32-1");
  fail(id, "fp32-2");
  fail(id, "fp32-3", "verify");
  tick();
  EXPECT_EQ(state_of(id), RolloutState::running) << "the gate waits for them";
  EXPECT_EQ(get(id).gate, "waiting for 2 failed devices, which try again by themselves");
  EXPECT_TRUE(run(rollouts->devices(id, "download", "", 500, now)).value().items.at(0).retry_at);
  pass(seconds(60));
  tick();
  tick();
  EXPECT_EQ(devices_in(id, "notified"), (std::vector<std::string>{"fp32-1", "fp32-2"}));
  EXPECT_EQ(decisions(id, "retry"), 1) << "once for both";
  EXPECT_EQ(recount(id), get(id).record.waves[0].counts);

  report(id, "fp32-1", "committed");
  fail(id, "fp32-2");
  for (int i = 0; i < 3; ++i) tick();
  EXPECT_EQ(devices_in(id, "download"), std::vector<std::string>{"fp32-2"}) << "two tries are all";
  EXPECT_EQ(state_of(id), RolloutState::completed);
}

}  // namespace
}  // namespace argosy::server

// Whatever cannot be read or measured, and however many devices there are: a rollout can be stopped, and one that is at
// fault holds no other.
#include <nlohmann/json.hpp>

#include "common/stats/log_histogram.hpp"
#include "server/rollouts/rollout_json.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::seconds;

class StoppingARollout : public RolloutFleet {
 protected:
  void break_guards() { database.exec("alter table rollout_panel rename to rollout_panel_lost"); }
  void break_policy(std::int64_t id) {
    database.exec("update rollouts set policy = jsonb_set(policy, '{max_in_progress}', '0') where id = " +
                  std::to_string(id));
  }
  // Online, serving 1.0, named fp32-00001 and so on.
  void add_many(int devices) {
    add_device("fp32-00001");
    const auto rest = "generate_series(2, " + std::to_string(devices) + ") as i";
    const std::string name = "'fp32-' || lpad(i::text, 5, '0')";
    database.exec("insert into devices (id, hardware_class, capabilities) select " + name +
                  ", 'fp32', d.capabilities from devices d, " + rest + " where d.id = 'fp32-00001'");
    database.exec("insert into device_state (device_id, presence, presence_since) select " + name +
                  ", 'online', now() - interval '1 day' from " + rest);
    database.exec("insert into device_models (device_id, model, version, digest) select " + name +
                  ", 'digits', '1.0', '" + digest_of("1.0fp32") + "' from " + rest);
  }
  std::size_t publish_due(std::size_t limit = 5000) {
    return run(desired->publish_due([this](std::string topic, std::string) { return take(std::move(topic)); }, limit))
        .value();
  }
  Task<Result<void>> take(std::string topic) {
    taken_.push_back(std::move(topic));
    co_return Result<void>{};
  }
  json guards_policy() { return {{"guards", {{{"metric", "latency_p95"}}, {{"metric", "error_rate"}}}}}; }

  std::vector<std::string> taken_;
};

TEST_F(StoppingARollout, WorksWhileGuardsCannotBeMeasured) {
  add_twelve();
  const auto id = started("1.1", guards_policy());
  tick();
  report_all(id, "notified", "committed");
  break_guards();
  for (int i = 0; i < 3; ++i) {
    pass(seconds(10));
    tick();
  }
  const auto shown = get(id);
  EXPECT_EQ(shown.record.wave, 0) << "the gate holds";
  ASSERT_EQ(shown.guards.size(), 2U);
  EXPECT_EQ(shown.guards[0].verdict, Verdict::unknown);
  EXPECT_NE(shown.gate.find("cannot be measured"), std::string::npos) << shown.gate;
  EXPECT_EQ(decisions(id, "guards are not measured"), 1) << "told once";

  EXPECT_EQ(operate(id, Operation::pause).value().record.state, RolloutState::paused);
  EXPECT_EQ(operate(id, Operation::resume).value().record.state, RolloutState::running);
  EXPECT_EQ(operate(id, Operation::halt).value().record.state, RolloutState::halted);
  EXPECT_EQ(operate(id, Operation::rollback).value().record.state, RolloutState::rolling_back);
  EXPECT_EQ(devices_in(id, "rolling_back").size(), 3U);
}

TEST_F(StoppingARollout, AbortCriteriaAndTimeOutsWorkWhileGuardsCannotBeMeasured) {
  add_twelve();
  auto policy = guards_policy();
  policy["abort"] = {{{"causes", {"timeout"}}, {"min_executed", 1}, {"share", 0.5}, {"action", "halt"}}};
  policy["in_progress_timeout_s"] = 60;
  const auto id = started("1.1", policy);
  break_guards();
  tick();
  report_all(id, "notified", "downloading");
  pass(seconds(61));
  tick();
  EXPECT_EQ(state_of(id), RolloutState::halted);
}

TEST_F(StoppingARollout, GuardsThatCanBeMeasuredAgainAreTold) {
  add_twelve();
  const auto id = started("1.1", guards_policy());
  break_guards();
  tick();
  database.exec("alter table rollout_panel_lost rename to rollout_panel");
  tick();
  tick();
  EXPECT_EQ(decisions(id, "guards are measured"), 1);
  EXPECT_EQ(get(id).guards.at(0).verdict, Verdict::skipped) << "these devices never measured anything";
}

TEST_F(StoppingARollout, APolicyThatCannotBeReadStopsItsRolloutAndNoOther) {
  add_twelve();
  publish("1.2");
  const auto broken = started("1.1");
  tick();
  report_all(broken, "notified", "committed");
  break_policy(broken);
  tick();
  tick();
  EXPECT_EQ(state_of(broken), RolloutState::paused);
  EXPECT_EQ(decisions(broken, "pause"), 1);

  const auto other = started("1.2");
  tick();
  EXPECT_EQ(devices_in(other, "notified").size(), 3U) << "it goes on";
  const auto page = run(rollouts->list(1'000'000, 10)).value();
  ASSERT_EQ(page.items.size(), 2U);
  EXPECT_TRUE(page.items[0].fault.empty());
  EXPECT_NE(page.items[1].fault.find("max_in_progress"), std::string::npos) << page.items[1].fault;
  EXPECT_EQ(rollout_to_json(page.items[1])["fault"], page.items[1].fault);

  const auto refused = operate(broken, Operation::resume);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::illegal_transition);
  EXPECT_EQ(operate(broken, Operation::halt).value().record.state, RolloutState::halted);
  EXPECT_EQ(operate(broken, Operation::rollback).value().record.state, RolloutState::rolling_back);
  EXPECT_GE(publish_due(), 3U);
  EXPECT_EQ(desired->counters().unbuildable, 0U) << "who goes back is told so";
}

TEST_F(StoppingARollout, CountsThatCannotBeReadAreAFaultToo) {
  add_twelve();
  const auto id = started();
  tick();
  database.exec("update rollout_waves set counts = '{\"queued\": \"many\"}' where wave = 1");
  EXPECT_NE(get(id).record.fault.find("wave 2"), std::string::npos);
  EXPECT_EQ(operate(id, Operation::pause).value().record.state, RolloutState::paused);
}

TEST_F(StoppingARollout, ADocumentThatCannotBeBuiltIsPutOffAndHoldsNoOther) {
  add_twelve();
  publish("1.2");
  started();
  tick();
  database.exec(
      "update variants set selector = '{\"precision\": 5}' where release_id = (select id from releases where version = "
      "'1.2')");
  const auto device = database.value<std::string>("select min(device_id) from device_targets");
  database.exec(
      "update device_targets set release_id = (select id from releases where version = '1.2') where device_id = '" +
      device + "'");
  EXPECT_EQ(publish_due(), 2U);
  EXPECT_EQ(publish_due(), 0U);
  EXPECT_EQ(desired->counters().unbuildable, 1U) << "it waits for its time";
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'device.desired'"), 1);
  EXPECT_FALSE(run(desired->get(DeviceId{device})));

  database.exec("update desired_due set not_before = '-infinity'");
  EXPECT_EQ(publish_due(), 0U);
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'device.desired'"), 1) << "the same reason";
  database.exec("update variants set selector = '{\"precision\": \"fp32\"}' where name = 'fp32'");
  database.exec("update variants set selector = '{\"precision\": \"int8\"}' where name = 'int8'");
  database.exec("update releases set notes = 'mended' where version = '1.2'");
  database.exec("update desired_due set not_before = '-infinity'");
  EXPECT_EQ(publish_due(), 1U);
  EXPECT_EQ(database.value<int>("select count(*) from desired_due"), 0);
}

TEST_F(StoppingARollout, IsToldSliceBySliceAndNobodyBeginsMeanwhile) {
  add_many(1500);
  const auto id = started("1.1", {{"waves", {{{"share", 1.0}}}}, {"max_in_progress", 100'000}});
  tick();
  ASSERT_EQ(database.value<int>("select count(*) from desired_due where class = 1"), 1500);
  const auto stopped = operate(id, Operation::halt).value();
  EXPECT_EQ(stopped.record.state, RolloutState::halted);
  EXPECT_EQ(database.value<int>("select count(*) from desired_due where class = 0"), 1000);
  EXPECT_EQ(publish_due(), 1000U) << "who has not heard of the stop is not told to begin";
  EXPECT_EQ(publish_due(), 0U);
  tick();
  EXPECT_EQ(publish_due(), 500U);
  EXPECT_EQ(total_counts(get(id).record), (Counts{{"cancelled", 1500}}));
  EXPECT_EQ(total_counts(get(id).record), recount(id));
  EXPECT_EQ(database.value<int>("select count(*) from device_targets t join releases l on l.id = t.release_id "
                                "where l.version = '1.0'"),
            1500);
}

TEST_F(StoppingARollout, IsPublishedBeforeWhatIsNewAndWhatIsRepeated) {
  add_twelve();
  add_device("told-1", "fp32");
  database.exec("update devices set desired_rev = 1 where id = 'told-1'");
  const auto id = started("1.1", {{"waves", {{{"share", 1.0}}}}});
  tick();
  publish_due();
  desired->republish_all();
  operate(id, Operation::rollback).value();
  database.exec("update desired_due set class = 1 where device_id = 'fp32-1'");
  const std::size_t stops = database.value<std::size_t>("select count(*) from desired_due where class = 0");
  ASSERT_GE(stops, 11U);
  taken_.clear();
  while (taken_.size() < stops + 1) ASSERT_EQ(publish_due(1), 1U);
  EXPECT_EQ(taken_.back(), desired_topic("fp32-1")) << "what is new, after all stops";
  while (publish_due(1) > 0) {
  }
  EXPECT_EQ(taken_.size(), stops + 1 + 13) << "and then all that were ever told anything, once";
}

}  // namespace
}  // namespace argosy::server

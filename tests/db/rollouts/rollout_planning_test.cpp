#include <map>

#include "server/rollouts/core/wave_plan.hpp"
#include "server/rollouts/rollout_service.hpp"
#include "server/rollouts/store/plan_store.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using Step = PlanningService::Step;

constexpr int many = static_cast<int>(planned_at_once) + 1200;

class RolloutPlanning : public RolloutFleet {
 protected:
  RolloutPlanning() { other.emplace(pool, *patches); }

  // In three classes of different sizes; every seventh is away.
  void add_many(int count) {
    database.exec(R"sql(
      insert into devices (id, hardware_class)
      select 'cam-' || n, case when n % 7 = 0 then 'jetson' when n % 3 = 0 then 'int8' else 'fp32' end
      from generate_series(1, )sql" +
                  std::to_string(count) + ") as n");
    database.exec(R"sql(
      insert into device_state (device_id, presence, presence_since)
      select id, case when hashtext(id) % 7 = 0 then 'offline' else 'online' end, now() - interval '1 day'
      from devices
    )sql");
  }

  Step step(RolloutService& service) {
    const auto answer = run(service.plan_some(now));
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *answer : Step::idle;
  }

  void plan(RolloutService& service) {
    for (int i = 0; i < 100; ++i)
      if (step(service) == Step::idle) return;
    FAIL() << "the plan has no end";
  }

  // The service as it is after its process was killed.
  void restart() { rollouts.emplace(pool, *patches, RolloutOptions{.guard_interval = Duration{0}}); }

  std::map<std::string, int> rows_of(std::int64_t id) {
    std::map<std::string, int> rows;
    for (const auto& row :
         database.exec("select device_id, wave from rollout_devices where rollout_id = " + std::to_string(id)))
      rows[row[0].as<std::string>()] = row[1].as<int>();
    return rows;
  }

  std::vector<Candidate> alive() {
    std::vector<Candidate> devices;
    for (const auto& row : database.exec("select id, hardware_class from devices where revoked_at is null"))
      devices.push_back({row[0].as<std::string>(), row[1].as<std::string>()});
    return devices;
  }

  // What plan_waves says of these devices.
  std::map<std::string, int> plan_of(std::int64_t id, const std::vector<Candidate>& devices) {
    const auto record = get(id).record;
    const auto shares = cumulative_shares(record.policy.waves, static_cast<std::int64_t>(devices.size()));
    std::map<std::string, int> plan;
    for (const auto& one : plan_waves(record.seed, devices, shares)) plan[one.device] = one.wave;
    return plan;
  }

  void expect_counts_of_rows(std::int64_t id) {
    const auto record = get(id).record;
    EXPECT_EQ(total_counts(record), recount(id));
    std::vector<std::int64_t> planned(record.waves.size(), 0);
    for (const auto& [device, wave] : rows_of(id)) ++planned[static_cast<std::size_t>(wave)];
    for (std::size_t i = 0; i < planned.size(); ++i) EXPECT_EQ(record.waves[i].planned, planned[i]) << i;
  }

  std::optional<RolloutService> other;  // another server, which believes that it leads
};

TEST_F(RolloutPlanning, AFewDevicesArePlannedWhenTheyAreAskedFor) {
  add_many(100);
  const auto id = create("1.1", {{"waves", {{{"share", 0.03}}, {{"share", 0.4}}, {{"share", 1.0}}}}});
  EXPECT_FALSE(get(id).record.planning);
  EXPECT_EQ(rows_of(id), plan_of(id, alive()));
  expect_counts_of_rows(id);
}

TEST_F(RolloutPlanning, ManyArePlannedInPiecesWithProgressAndTheSameWaves) {
  add_many(many);
  const auto id = create("1.1", {{"waves", {{{"share", 0.01}}, {{"share", 0.3}}, {{"share", 1.0}}}}});
  auto record = get(id).record;
  ASSERT_TRUE(record.planning);
  EXPECT_FALSE(record.planning->total);
  EXPECT_TRUE(rows_of(id).empty());
  EXPECT_EQ(step(*rollouts), Step::written);
  EXPECT_EQ(step(*rollouts), Step::written);
  record = get(id).record;
  EXPECT_EQ(record.planning->total, many);
  EXPECT_EQ(record.planning->done, static_cast<std::int64_t>(PlanningService::piece));
  plan(*rollouts);
  EXPECT_FALSE(get(id).record.planning);
  EXPECT_EQ(rows_of(id), plan_of(id, alive()));
  expect_counts_of_rows(id);
  EXPECT_EQ(decisions(id, "planned"), 0);  // it is a draft
}

TEST_F(RolloutPlanning, StartingPlansAnewAndWritesWhatHasChanged) {
  add_many(many);
  const auto id = create();
  plan(*rollouts);
  database.exec("update devices set revoked_at = now() where id in ('cam-1', 'cam-2')");
  database.exec("update devices set hardware_class = 'jetson' where id in ('cam-4', 'cam-5')");
  add_device("fp32-new");
  const auto oid = database.value<std::int64_t>("select max(xmin::text::bigint) from rollout_devices");
  operate(id, Operation::start).value();
  plan(*rollouts);
  EXPECT_EQ(rows_of(id), plan_of(id, alive()));
  expect_counts_of_rows(id);
  const auto written =
      database.value<int>("select count(*) from rollout_devices where xmin::text::bigint > " + std::to_string(oid));
  EXPECT_LT(written, many / 2);
  EXPECT_EQ(decisions(id, "planned"), 1);
}

TEST_F(RolloutPlanning, NobodyIsToldBeforeAllArePlanned) {
  add_many(many);
  const auto id = create();
  const auto started = operate(id, Operation::start).value();
  EXPECT_EQ(started.record.state, RolloutState::running);
  EXPECT_EQ(started.gate, "its devices are being planned");
  step(*rollouts);
  step(*rollouts);
  tick();
  EXPECT_EQ(get(id).gate, "its devices are being planned: 5000 of " + std::to_string(many));
  EXPECT_EQ(database.value<int>("select count(*) from device_targets"), 0);
  EXPECT_EQ(operate(id, Operation::promote).error().code, Errc::illegal_transition);
  plan(*rollouts);
  tick();
  EXPECT_GT(database.value<int>("select count(*) from rollout_devices where state <> 'queued'"), 0);
}

TEST_F(RolloutPlanning, AScheduledRolloutStartsAtItsTimeAndIsPlannedThen) {
  add_many(many);
  const auto id = create("1.1", {{"waves", {{{"devices", 5}}, {{"share", 1}}}}});
  run(rollouts->operate({.rollout = id,
                         .operation = Operation::start,
                         .if_match = "*",
                         .actor = "user:ada",
                         .start_at = now + std::chrono::hours(1)},
                        now))
      .value();
  step(*rollouts);
  step(*rollouts);
  tick();
  EXPECT_EQ(state_of(id), RolloutState::scheduled);
  pass(std::chrono::hours(1));
  tick();
  EXPECT_EQ(state_of(id), RolloutState::running);
  EXPECT_EQ(get(id).gate, "its devices are being planned");
  plan(*rollouts);
  EXPECT_EQ(rows_of(id), plan_of(id, alive()));
  expect_counts_of_rows(id);
  EXPECT_EQ(get(id).record.waves[0].planned, 5);
  EXPECT_DOUBLE_EQ(get(id).record.waves[0].share, 5.0 / many);
  EXPECT_EQ(decisions(id, "planned"), 1);
  database.exec("update device_state set presence = 'online'");
  tick();
  EXPECT_EQ(count_of(total_counts(get(id).record), "queued"), many - 5) << "the canaries had their turn";
}

TEST_F(RolloutPlanning, IsApprovedWhileItIsBeingPlanned) {
  add_many(many);
  const auto id = create("1.1", {{"approval", {{"required", true}}}});
  EXPECT_EQ(operate(id, Operation::start).value().record.reason,
            "user:ada asks for approval for devices that are being planned");
  const OperatorCall approval{.rollout = id, .operation = Operation::approve, .if_match = "*", .actor = "user:ben"};
  EXPECT_EQ(run(rollouts->operate(approval, now)).value().record.state, RolloutState::running);
  plan(*rollouts);
  EXPECT_EQ(rows_of(id), plan_of(id, alive()));
}

TEST_F(RolloutPlanning, NobodyJoinsBeforeAllArePlanned) {
  add_many(many);
  const auto id = create("1.1", {{"targets", "dynamic"}});
  operate(id, Operation::start).value();
  step(*rollouts);
  add_device("fp32-new");
  tick();
  EXPECT_TRUE(rows_of(id).empty());
  plan(*rollouts);
  tick();
  EXPECT_EQ(rows_of(id).count("fp32-new"), 1U);
  expect_counts_of_rows(id);
}

TEST_F(RolloutPlanning, ItsPanelIsDrawnFromTheWholePlan) {
  add_many(many);
  const auto id = create("1.1", {{"guards", {{{"metric", "latency_p95"}}}}});
  operate(id, Operation::start).value();
  step(*rollouts);
  step(*rollouts);
  tick();
  EXPECT_EQ(database.value<int>("select count(*) from rollouts where panel_drawn_at is not null"), 0);
  plan(*rollouts);
  tick();
  EXPECT_EQ(database.value<int>("select count(*) from rollouts where panel_drawn_at is not null"), 1);
}

TEST_F(RolloutPlanning, IsPausedAndResumedMeanwhile) {
  add_many(many);
  const auto id = create();
  operate(id, Operation::start).value();
  step(*rollouts);
  operate(id, Operation::pause).value();
  plan(*rollouts);
  tick();
  EXPECT_EQ(count_of(total_counts(get(id).record), "queued"), many);
  EXPECT_EQ(state_of(id), RolloutState::paused);
  EXPECT_EQ(rows_of(id), plan_of(id, alive()));
  operate(id, Operation::resume).value();
  tick();
  EXPECT_LT(count_of(total_counts(get(id).record), "queued"), many);
}

TEST_F(RolloutPlanning, HaltingEndsThePlan) {
  add_many(many);
  const auto id = create();
  operate(id, Operation::start).value();
  step(*rollouts);
  step(*rollouts);
  operate(id, Operation::halt).value();
  plan(*rollouts);
  EXPECT_EQ(state_of(id), RolloutState::halted);
  EXPECT_FALSE(get(id).record.planning);
  EXPECT_EQ(rows_of(id).size(), PlanningService::piece);
  expect_counts_of_rows(id);
}

TEST_F(RolloutPlanning, AKilledServersPlanIsMadeByTheNext) {
  add_many(many);
  const auto id = create();
  operate(id, Operation::start).value();
  step(*rollouts);
  step(*rollouts);
  ASSERT_EQ(rows_of(id).size(), PlanningService::piece);
  restart();
  step(*rollouts);
  EXPECT_EQ(get(id).record.planning->done, static_cast<std::int64_t>(PlanningService::piece));
  plan(*rollouts);
  EXPECT_EQ(rows_of(id), plan_of(id, alive()));
  expect_counts_of_rows(id);
  EXPECT_EQ(decisions(id, "planned"), 1);
}

TEST_F(RolloutPlanning, OfTwoServersOneMakesIt) {
  add_many(many);
  const auto id = create();
  operate(id, Operation::start).value();
  step(*rollouts);
  step(*other);
  for (int i = 0; i < 3; ++i) {
    step(*rollouts);
    step(*other);
  }
  plan(*rollouts);
  plan(*other);
  EXPECT_EQ(rows_of(id), plan_of(id, alive()));
  expect_counts_of_rows(id);
  EXPECT_EQ(decisions(id, "planned"), 1);
}

TEST_F(RolloutPlanning, AStartMeanwhileBeginsAnew) {
  add_many(many);
  const auto id = create();
  step(*rollouts);
  step(*rollouts);
  add_device("fp32-new");
  operate(id, Operation::start).value();
  plan(*rollouts);
  EXPECT_EQ(rows_of(id).count("fp32-new"), 1U);
  EXPECT_EQ(rows_of(id), plan_of(id, alive()));
}

TEST_F(RolloutPlanning, WhoIsRevokedMeanwhileHasNoRowOrLeavesAndWhoEnrolsIsNotPartOfIt) {
  add_many(many);
  const auto id = create();
  operate(id, Operation::start).value();
  step(*rollouts);
  step(*rollouts);
  const auto written = rows_of(id).begin()->first;
  const auto waiting = database
                           .exec(
                               "select min(id) from devices d where not exists (select from rollout_devices q where "
                               "q.device_id = d.id)")[0][0]
                           .as<std::string>();
  database.exec("update devices set revoked_at = now() where id in ('" + written + "', '" + waiting + "')");
  add_device("fp32-new");
  plan(*rollouts);
  tick();
  const auto rows = rows_of(id);
  EXPECT_EQ(rows.size(), static_cast<std::size_t>(many - 1));
  EXPECT_EQ(rows.count(waiting), 0U);
  EXPECT_EQ(rows.count("fp32-new"), 0U);
  EXPECT_EQ(devices_in(id, "decommissioned"), (std::vector<std::string>{written}));
  expect_counts_of_rows(id);
}

// Between the piece that writes its row and the end of the plan.
TEST_F(RolloutPlanning, WhoComesBackMeanwhileIsReachable) {
  add_many(many);
  const auto id = create();
  operate(id, Operation::start).value();
  step(*rollouts);
  step(*rollouts);
  const auto away = database
                        .exec(
                            "select min(q.device_id) from rollout_devices q join device_state s using (device_id) "
                            "where s.presence = 'offline'")[0][0]
                        .as<std::string>();
  // As if its change had been carried over while the piece was still being written.
  set_presence(away, "online");
  database.exec("delete from rollout_reach_changes");
  plan(*rollouts);
  tick();
  EXPECT_EQ(database.value<int>("select count(*) from rollout_devices where device_id = '" + away +
                                "' and reachable_since is not null"),
            1);
}

TEST_F(RolloutPlanning, AFilterThatCannotBeReadHoldsUpNoOther) {
  add_many(many);
  const auto broken = create();
  const auto id = create();
  database.exec("update rollouts set filter = 'hardware_class ~ 1' where id = " + std::to_string(broken));
  plan(*rollouts);
  EXPECT_TRUE(get(broken).record.planning);
  EXPECT_FALSE(get(id).record.planning);
}

}  // namespace
}  // namespace argosy::server

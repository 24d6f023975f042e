// What planning tells of a canary, refuses and widens; and what a rollout would be, told without making it.
#include <nlohmann/json.hpp>

#include "server/rollouts/preview_json.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"
#include "tests/support/window_rows.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

class CanaryPlanning : public RolloutFleet {
 protected:
  Result<RolloutRecord> try_create(const json& policy, const std::string& filter = "") {
    NewRollout wanted{"digits 1.1", "digits", "1.1", filter, decode_policy(policy).value()};
    return run(rollouts->create(wanted, "user:ada", now));
  }

  RolloutPreview preview(const json& policy, const std::string& filter = "") {
    NewRollout wanted{"digits 1.1", "digits", "1.1", filter, decode_policy(policy).value()};
    return run(rollouts->preview(wanted, now)).value();
  }

  json reach_of(std::int64_t id) { return json::parse(get(id).record.canary_reach_json); }

  std::int64_t count(const std::string& sql) { return database.value<std::int64_t>("select count(*) from " + sql); }

  // Everything that anybody could have written to.
  std::string all_rows() {
    std::string counts;
    for (const auto& row : database.exec(
             "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1")) {
      const auto table = row[0].as<std::string>();
      counts += table + " " + std::to_string(count(table)) + "\n";
    }
    return counts;
  }

  void measured_by(const std::string& device, int windows) {
    LogHistogram latency;
    latency.add(20, 100);
    for (int i = 0; i < windows; ++i) {
      TakenWindow window{.device = device, .model = "digits", .version = "1.0"};
      window.started_at = now - std::chrono::minutes(10 * (i + 1));
      window.ended_at = now - std::chrono::minutes(10 * i + 5);
      window.count = 100;
      window.latency = latency;
      test::add_window(database, window, static_cast<std::uint64_t>(++seq_));
    }
  }

 private:
  int seq_ = 0;
};

const json latency = {{{"metric", "latency_p95"}}};
const json required_latency = {{{"metric", "latency_p95"}, {"mode", "required"}}};
const json small_canary = {{{"share", 0.05}}, {{"share", 1}}};

TEST_F(CanaryPlanning, AFleetTooSmallForAVerdictRollsOutAndIsTold) {
  add_twelve();
  const auto made = try_create({{"waves", small_canary}});
  ASSERT_TRUE(made) << made.error().message;
  const auto reach = reach_of(made->id);
  EXPECT_EQ(reach["canaries"], 1);
  EXPECT_EQ(reach["controls"], 11);
  ASSERT_EQ(reach["guards"].size(), 4U);
  for (const auto& guard : reach["guards"]) EXPECT_FALSE(guard["can_fail"].get<bool>());
  EXPECT_NE(reach["guards"][0]["message"].get<std::string>().find("no canary of up to half of these 12 devices can"),
            std::string::npos);
  EXPECT_TRUE(operate(made->id, Operation::start));
}

TEST_F(CanaryPlanning, TheDecisionLogSaysItOnceAndAgainWhenItIsNews) {
  add_twelve();
  const auto id = try_create({{"waves", small_canary}, {"guards", latency}})->id;
  EXPECT_EQ(decisions(id, "what the canary can tell"), 1);
  operate(id, Operation::start).value();
  EXPECT_EQ(decisions(id, "what the canary can tell"), 1) << "the fleet is as it was";
  const auto other = try_create({{"waves", small_canary}, {"guards", latency}})->id;
  for (int i = 0; i < 30; ++i) add_device("fp32-x" + std::to_string(i));
  operate(other, Operation::start).value();
  EXPECT_EQ(decisions(other, "what the canary can tell"), 2);
  EXPECT_EQ(reach_of(other)["controls"], 40);
}

TEST_F(CanaryPlanning, WithoutGuardsNothingIsTold) {
  add_twelve();
  const auto id = try_create({{"guards", json::array()}})->id;
  EXPECT_EQ(get(id).record.canary_reach_json, "");
  EXPECT_EQ(decisions(id, "what the canary can tell"), 0);
}

TEST_F(CanaryPlanning, AMetricThatWasNeverReportedIsNotMeasurable) {
  add_twelve();
  for (int i = 1; i <= 6; ++i) measured_by("fp32-" + std::to_string(i), 8);
  const auto id =
      try_create({{"waves", {{{"share", 0.5}}, {{"share", 1}}}},
                  {"guards", {{{"metric", "latency_p95"}}, {{"metric", "accuracy"}}, {{"metric", "silence"}}}}})
          ->id;
  const auto reach = reach_of(id);
  EXPECT_EQ(reach["looked_at"], 12);
  EXPECT_EQ(reach["guards"][0]["reported_by"], 6);
  EXPECT_FALSE(reach["guards"][1]["measurable"].get<bool>());
  EXPECT_EQ(reach["guards"][2]["reported_by"], 6);
  EXPECT_NE(reach["summary"].get<std::string>().find("not measurable: accuracy"), std::string::npos);
}

TEST_F(CanaryPlanning, ItsPastTellsTheHarmThatACanarySees) {
  add_twelve();
  const json policy{{"waves", {{{"share", 0.5}}, {{"share", 1}}}}, {"guards", latency}};
  EXPECT_TRUE(reach_of(try_create(policy)->id)["guards"][0]["visible"].is_null()) << "nothing was measured yet";
  for (int i = 1; i <= 6; ++i) measured_by("fp32-" + std::to_string(i), 8);
  EXPECT_GT(reach_of(try_create(policy)->id)["guards"][0]["visible"], 0.09) << "2 of 20 ms are the margin";
}

TEST_F(CanaryPlanning, ARequiredGuardOutOfReachIsRefusedAndLeavesNothing) {
  add_twelve();
  const auto before = all_rows();
  const auto refused = try_create({{"waves", small_canary}, {"guards", required_latency}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unprocessable);
  EXPECT_NE(refused.error().message.find("take at least 3 devices of 12"), std::string::npos)
      << refused.error().message;
  EXPECT_NE(refused.error().message.find("\"canary\": \"widen\""), std::string::npos);
  EXPECT_EQ(all_rows(), before);
  EXPECT_TRUE(try_create({{"waves", {{{"devices", 3}}, {{"share", 1}}}}, {"guards", required_latency}}));
}

TEST_F(CanaryPlanning, AFleetThatShrankBelowAVerdictIsRefusedAtItsStart) {
  add_twelve();
  const auto id = try_create({{"waves", {{{"devices", 3}}, {{"share", 1}}}}, {"guards", required_latency}})->id;
  database.exec("update devices set revoked_at = now() where id like 'int8-%' or id in ('fp32-4', 'fp32-5', 'fp32-6')");
  const auto refused = operate(id, Operation::start);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::illegal_transition);
  EXPECT_EQ(state_of(id), RolloutState::draft);
}

TEST_F(CanaryPlanning, AScheduledOneThatCannotComeToAVerdictIsADraftAgain) {
  add_twelve();
  const auto id = try_create({{"waves", {{{"devices", 3}}, {{"share", 1}}}}, {"guards", required_latency}})->id;
  OperatorCall call{id, Operation::start, "*", "", "user:ada"};
  call.start_at = now + std::chrono::hours(1);
  ASSERT_TRUE(run(rollouts->operate(call, now)));
  database.exec("update devices set revoked_at = now() where id like 'int8-%' or id in ('fp32-4', 'fp32-5', 'fp32-6')");
  pass(std::chrono::hours(1));
  tick();
  EXPECT_EQ(state_of(id), RolloutState::draft);
  EXPECT_EQ(decisions(id, "cancel"), 1);
}

TEST_F(CanaryPlanning, WidensTheFirstWaveWhereThePolicySaysSo) {
  add_twelve();
  const auto id = try_create({{"waves", small_canary}, {"guards", required_latency}, {"canary", "widen"}})->id;
  const auto record = get(id).record;
  EXPECT_EQ(record.waves[0].planned, 3);
  EXPECT_EQ(record.waves[1].planned, 9);
  EXPECT_DOUBLE_EQ(record.waves[0].share, 0.25);
  EXPECT_EQ(reach_of(id)["canaries"], 3);
  EXPECT_EQ(reach_of(id)["widened_from"], 1);
  EXPECT_EQ(record.policy.waves.front().share, 0.05) << "the policy stays as it was written";
  operate(id, Operation::start).value();
  EXPECT_EQ(get(id).record.waves[0].planned, 3);
}

TEST_F(CanaryPlanning, APreviewIsWhatIsThenMadeAndWritesNothing) {
  add_twelve();
  for (int i = 1; i <= 6; ++i) measured_by("fp32-" + std::to_string(i), 8);
  const json policy{{"waves", {{{"share", 0.25}}, {{"share", 1}}}}};
  const auto before = all_rows();
  const auto seen = preview_to_json(preview(policy));
  EXPECT_EQ(all_rows(), before);
  const auto id = try_create(policy)->id;
  EXPECT_EQ(seen["devices"], 12);
  EXPECT_EQ(seen["waves"][0]["planned"], 3);
  EXPECT_EQ(seen["waves"][0]["classes"].size(), 2U);
  EXPECT_EQ(seen["reach"]["guards"], reach_of(id)["guards"]);
  EXPECT_EQ(seen["reach"]["summary"], reach_of(id)["summary"]);
  EXPECT_TRUE(seen["refused"].is_null());
}

TEST_F(CanaryPlanning, APreviewOfWhatWouldBeRefusedSaysWhy) {
  add_twelve();
  const auto seen = preview({{"waves", small_canary}, {"guards", required_latency}});
  EXPECT_NE(seen.refused.find("take at least 3 devices of 12"), std::string::npos);
  EXPECT_EQ(preview({{"waves", small_canary}, {"guards", required_latency}, {"canary", "widen"}}).refused, "");
}

TEST_F(CanaryPlanning, APreviewCountsBytesByPatchAndWhole) {
  add_twelve();
  database.exec("insert into blobs (digest, size) values ('" + digest_of("patch") + "', 5000)");
  database.exec("insert into patches (from_digest, to_digest, state, codec, digest, size) values ('" +
                digest_of("1.0fp32") + "', '" + digest_of("1.1fp32") + "', 'ready', 'bsdiff', '" + digest_of("patch") +
                "', 5000)");
  const auto download = preview(json::object()).download;
  EXPECT_EQ(download.by_patch.devices, 6U);
  EXPECT_EQ(download.by_patch.bytes, 6 * 5000U);
  EXPECT_EQ(download.whole.devices, 6U);
  EXPECT_EQ(download.whole.bytes, 6'000'000U);
  EXPECT_EQ(download.full_bytes, 12'000'000U);
  EXPECT_EQ(download.patches_to_make, 6U) << "the files of int8 are known, and their patch is not asked for yet";
}

TEST_F(CanaryPlanning, APreviewSaysWhoIsLeftOutAndWhy) {
  add_twelve();
  add_device("tpu-1", "tpu");
  add_device("tpu-2", "tpu");
  install("fp32-1", "1.1");
  database.exec("update devices set revoked_at = now() where id = 'fp32-2'");
  database.exec(
      "insert into device_failures (device_id, model, failures, resting_until) values ('fp32-3', 'digits', 3, '" +
      to_rfc3339(now + std::chrono::hours(1)) + "')");
  set_presence("int8-1", "offline");
  const auto seen = preview(json::object());
  std::map<std::string, std::uint64_t> left_out;
  for (const auto& one : seen.left_out) left_out[one.reason] += one.devices;
  EXPECT_EQ(left_out, (std::map<std::string, std::uint64_t>{
                          {"incompatible", 2}, {"installed", 1}, {"resting", 1}, {"revoked", 1}}));
  EXPECT_EQ(seen.devices, 13U);
  EXPECT_EQ(seen.away, 1U);
  EXPECT_EQ(seen.download.whole.devices, 9U) << "all but those that are left out";
  EXPECT_EQ(preview({{"include_resting", true}}).download.whole.devices, 10U);
}

TEST_F(CanaryPlanning, APreviewOfNobodyIsEmpty) {
  const auto seen = preview_to_json(preview(json::object()));
  EXPECT_EQ(seen["devices"], 0);
  EXPECT_TRUE(seen["reach"].is_null());
}

TEST_F(CanaryPlanning, APreviewRefusesWhatCannotBeMadeAtAll) {
  NewRollout wanted{"digits 9", "digits", "9", "", Policy{}};
  EXPECT_EQ(run(rollouts->preview(wanted, now)).error().code, Errc::not_found);
}

}  // namespace
}  // namespace argosy::server

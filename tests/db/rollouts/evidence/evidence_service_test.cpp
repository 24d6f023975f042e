// The evidence of a rollout that really went: read from its rows, signed, and checked as by somebody without a server.
#include "server/rollouts/evidence/evidence_service.hpp"

#include <thread>

#include "common/json/json_text.hpp"
#include "common/signing/signed_evidence.hpp"
#include "server/rollouts/guards/panel_store.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "server/telemetry/telemetry_store.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"
#include "tests/support/temporary_folder.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::minutes;

class Evidenced : public RolloutFleet {
 protected:
  Evidenced() { add_twelve(); }

  // Guards look at what the first wave has measured in a minute.
  std::int64_t looked_at() {
    const auto id = started(
        "1.1",
        {{"guards", {{{"metric", "latency_p95"}}}}, {"look_s", 60}, {"warm_up_s", 0}, {"gate", {{"bake_s", 3600}}}});
    tick();
    report_all(id, "notified", "committed");
    feed_a_minute(id);
    if (!run(rollouts->measure(now))) ADD_FAILURE() << "the guards are not looked at";
    return id;
  }

  void feed_a_minute(std::int64_t id) {
    TakenTelemetry telemetry;
    for (const auto& device : devices_in(id, "")) {
      const auto version =
          database.value<std::string>("select version from device_models where device_id = '" + device + "'");
      telemetry.windows.push_back({.device = device,
                                   .model = "digits",
                                   .version = version,
                                   .started_at = now,
                                   .ended_at = now + minutes(1),
                                   .count = 100,
                                   .errors = 1,
                                   .labelled = 100,
                                   .correct = 97});
      telemetry.windows.back().latency.add(20, 100);
    }
    pqxx::work transaction(database.connection());
    feed_panels(transaction, telemetry);
    transaction.commit();
    pass(minutes(1));
  }

  void measured(std::int64_t id, const std::string& device, double value) {
    database.exec("update rollout_devices set numbers = jsonb_build_object('metric_value', " + std::to_string(value) +
                  ") where rollout_id = " + std::to_string(id) + " and device_id = '" + device + "'");
  }

  json document_of(std::int64_t id, EvidenceLimits limits = {}) {
    EvidenceService service{pool, worker, {.key_file = key_file, .program = "argosyd test", .limits = limits}};
    const auto file = run(service.make(id, "user:vera", now));
    if (!file) throw std::runtime_error(file.error().message);
    const auto keys = signing::TrustedKeys::of({run(service.public_key()).value()}).value();
    const auto read = signing::read_evidence(*file).value();
    EXPECT_TRUE(signing::check_evidence(read, keys));
    return parse_json(read.envelope.payload, stored_json).value();
  }

  test::TemporaryFolder private_folder;
  std::filesystem::path key_file = std::filesystem::path(private_folder.path()) / "evidence.key";
};

TEST_F(Evidenced, HasAllThatIsKnownOfARollout) {
  const auto id = looked_at();
  report(id, "fp32-1", "failed", "validate_rejected");
  ASSERT_TRUE(operate(id, Operation::halt));
  tick();
  const auto document = document_of(id);

  EXPECT_EQ(document["rollout"]["id"], id);
  EXPECT_EQ(document["rollout"]["state"], "halted");
  EXPECT_EQ(document["rollout"]["waves"].size(), 2U);
  EXPECT_EQ(document["made"]["asked_by"], "user:vera");
  EXPECT_EQ(document["release"]["variants"].size(), 2U);
  EXPECT_EQ(document["release"]["signature"], nullptr);
  const auto logged = run(rollouts->decisions(id, 1 << 30, 100)).value();
  ASSERT_GE(logged.items.size(), 2U);
  EXPECT_EQ(document["decisions"]["total"], logged.total);
  EXPECT_EQ(document["decisions"]["items"].front()["id"], logged.items.back().id);
  EXPECT_EQ(document["decisions"]["items"].back()["inputs"], json::parse(logged.items.front().inputs_json));
  ASSERT_EQ(document["looks"]["items"].size(), database.value<std::size_t>("select count(*) from rollout_looks"));
  ASSERT_FALSE(document["looks"]["items"].empty());
  EXPECT_EQ(document["looks"]["items"][0]["guards"][0]["metric"], "latency_p95");
  std::vector<std::string> actions;
  for (const auto& action : document["actions"]["items"]) actions.push_back(action["action"]);
  EXPECT_EQ(actions, (std::vector<std::string>{"rollout.create", "rollout.start", "rollout.halt"}));
  EXPECT_FALSE(document["actions"]["items"][0].contains("address"));
  EXPECT_EQ(document["devices"]["items"].size(), 12U);
}

TEST_F(Evidenced, SumsUpWhatDevicesMeasured) {
  const auto id = looked_at();
  EXPECT_EQ(document_of(id)["validation"]["metric"]["histogram"], json::array());
  measured(id, "fp32-1", 0.9);
  EXPECT_EQ(document_of(id)["validation"]["metric"]["histogram"], (json{{{"from", 0.9}, {"to", 0.9}, {"devices", 1}}}));
  measured(id, "fp32-2", 0.95);
  measured(id, "fp32-3", 1.0);
  const auto metric = document_of(id)["validation"]["metric"];
  EXPECT_EQ(metric["measured"], 3);
  EXPECT_EQ(metric["median"], 0.95);
  int devices = 0;
  for (const auto& bin : metric["histogram"]) devices += bin["devices"].get<int>();
  EXPECT_EQ(devices, 3) << "the largest value, too, has a bin";
  EXPECT_EQ(metric["histogram"].front()["devices"], 1);
  EXPECT_EQ(metric["histogram"].back()["devices"], 1);
}

TEST_F(Evidenced, LeavesOutWhatIsOverALimitAndSaysSo) {
  const auto id = looked_at();
  const auto document = document_of(id, {.devices = 5, .decisions = 1, .looks = 1, .actions = 1});
  EXPECT_EQ(document["devices"]["items"].size(), 5U);
  EXPECT_EQ(document["devices"]["left_out"], 7);
  ASSERT_EQ(document["actions"]["items"].size(), 1U);
  EXPECT_EQ(document["actions"]["items"][0]["action"], "rollout.start") << "the newest";
  EXPECT_EQ(document["actions"]["left_out"], 1);
  std::int64_t counted = 0;
  for (const auto& [state, devices] : document["validation"]["by_state"].items()) counted += devices.get<int>();
  EXPECT_EQ(counted, 12) << "over all, whatever is shown";
}

TEST_F(Evidenced, OfNoRolloutThereIsNone) {
  EvidenceService service{pool, worker, {.key_file = key_file}};
  EXPECT_EQ(run(service.make(999, "user:vera", now)).error().code, Errc::not_found);
}

TEST_F(Evidenced, TheKeyIsMadeOnceHoweverManyAskAtFirst) {
  std::vector<std::string> keys(8);
  {
    std::vector<std::jthread> asking;
    for (auto& key : keys) asking.emplace_back([&] { key = open_evidence_key(key_file).value().private_key_pem; });
  }
  for (const auto& key : keys) EXPECT_EQ(key, keys.front());
  EXPECT_EQ(std::filesystem::status(key_file).permissions(), std::filesystem::perms{0600});
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(private_folder.path())) ++files;
  EXPECT_EQ(files, 1U) << "nothing else is left";
}

}  // namespace
}  // namespace argosy::server

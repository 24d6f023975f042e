#include "server/devices/device_service.hpp"

#include <nlohmann/json.hpp>

#include "common/base/random.hpp"
#include "server/devices/device_json.hpp"
#include "tests/db/devices/devices_fixture.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

class DeviceServiceTest : public DevicesTest {
 protected:
  DeviceService devices{pool};

  std::vector<std::string> ids(const std::string& filter) {
    const DevicePage page = run(devices.list({parse_filter(filter).value(), std::nullopt, 500})).value();
    std::vector<std::string> found;
    for (const Device& device : page.items) found.push_back(device.id.value());
    EXPECT_EQ(page.total, static_cast<std::int64_t>(found.size()));
    return found;
  }
  Device get(const std::string& id) { return run(devices.get(DeviceId{id})).value(); }
  StateOutcome take(wire::DeviceState state, Instant at, bool retained = false) {
    std::vector<ReceivedState> states;
    states.push_back({std::move(state), retained});
    return run(devices.take_states(std::move(states), at)).value().at(0);
  }
};

wire::DeviceState state_of(const std::string& id, std::int64_t nonce = 1) {
  wire::DeviceState state;
  state.device = id;
  state.nonce = nonce;
  state.rev = 4;
  state.agent_version = "0.1.0";
  state.hardware_class = "cpu";
  state.health_interval_s = 30;
  state.capabilities.architecture = "x86_64";
  state.capabilities.precisions = {"fp32"};
  return state;
}

wire::DeviceState updating(const std::string& id, const std::string& update_state, std::int64_t nonce = 1) {
  wire::DeviceState state = state_of(id, nonce);
  wire::ModelReport model;
  model.model = "digits";
  model.version = "1.0";
  model.digest = std::string(64, 'a');
  model.slots = {{"a", "serving", "1.0", std::string(64, 'a'), 10}, {"b", "previous", "0.9", std::string(64, 'b'), 9}};
  model.update = wire::UpdateReport{};
  model.update->rollout = 3;
  model.update->version = "1.1";
  model.update->state = update_state;
  state.models.push_back(std::move(model));
  return state;
}

TEST_F(DeviceServiceTest, PagesThroughAllOfThemWithAnExactTotal) {
  for (int i = 0; i < 7; ++i) add_device("cam-" + std::to_string(i));
  DeviceQuery query;
  query.limit = 3;
  std::vector<std::string> seen;
  for (int pages = 0; pages < 3; ++pages) {
    const DevicePage page = run(devices.list(query)).value();
    EXPECT_EQ(page.total, 7);
    for (const Device& device : page.items) seen.push_back(device.id.value());
    EXPECT_EQ(page.next_after.has_value(), pages < 2);
    query.after = page.next_after;
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"cam-0", "cam-1", "cam-2", "cam-3", "cam-4", "cam-5", "cam-6"}));
}

TEST_F(DeviceServiceTest, FiltersByEveryField) {
  add_device("cam-1", "cpu", R"({"site": "berlin-mitte"})");
  add_device("cam-2", "orin", R"({"site": "paris"})");
  take(updating("cam-1", "idle"), now);
  EXPECT_EQ(ids(""), (std::vector<std::string>{"cam-1", "cam-2"}));
  EXPECT_EQ(ids("hardware_class = orin"), std::vector<std::string>{"cam-2"});
  EXPECT_EQ(ids("labels.site : berlin"), std::vector<std::string>{"cam-1"});
  EXPECT_EQ(ids("labels.floor != 3"), (std::vector<std::string>{"cam-1", "cam-2"}));
  EXPECT_EQ(ids("model.digits = 1.0"), std::vector<std::string>{"cam-1"});
  EXPECT_EQ(ids("model.digits != 1.0"), std::vector<std::string>{"cam-2"});
  EXPECT_EQ(ids("agent_version : 0.1"), std::vector<std::string>{"cam-1"});
  EXPECT_EQ(ids("presence = never_seen AND NOT id : 1"), std::vector<std::string>{"cam-2"});
  EXPECT_EQ(ids("id = \"'; drop table devices; --\""), std::vector<std::string>{});
}

// The two readings of the same tree, SQL and memory, on random devices and random filters.
TEST_F(DeviceServiceTest, SqlAndMemoryAgreeOnRandomFilters) {
  Rng rng(42);
  const std::vector<std::string> words = {"a", "b", "ab", "online", "1.0", "%", "_", "\xc3\xbc"};
  const auto word = [&] { return words[rng.below(words.size())]; };
  const std::vector<std::string> versions = {"5.1",     "5.1.2-b104", "5.10", "6", "6.0",
                                             "6.0.0.1", "0",          "v5",   "",  "12345678901234567.5"};
  const auto version = [&] { return versions[rng.below(versions.size())]; };
  for (int i = 0; i < 12; ++i) {
    const std::string id = "cam-" + std::to_string(i);
    add_device(id, rng.chance(0.5) ? "a" : "ab",
               rng.chance(0.7) ? nlohmann::json{{"x", word()}, {"y", word()}}.dump() : "{}");
    if (rng.chance(0.6)) take(updating(id, "idle"), now);
    const nlohmann::json capabilities{{"architecture", word()},
                                      {"accelerators", {word(), word()}},
                                      {"runtimes", nlohmann::json::array()},
                                      {"precisions", {word()}},
                                      {"memory_mb", rng.below(4)},
                                      {"board", word()},
                                      {"cpu_features", {word(), word()}},
                                      {"versions", {{"jetpack", version()}}},
                                      {"runtime_versions", {"onnxruntime " + version(), "tflite " + version()}},
                                      {"onnx", {{"opset", 1 + rng.below(3)}, {"ir", 1}}}};
    if (rng.chance(0.7))
      database.exec("update devices set capabilities = '" + capabilities.dump() + "' where id = '" + id + "'");
  }
  std::vector<Device> all = run(devices.list({Filter{}, std::nullopt, 500})).value().items;
  const std::vector<std::string> fields = {"id",
                                           "hardware_class",
                                           "agent_version",
                                           "labels.x",
                                           "labels.y",
                                           "model.digits",
                                           "capabilities.architecture",
                                           "capabilities.accelerators",
                                           "capabilities.runtimes",
                                           "capabilities.precisions",
                                           "capabilities.board",
                                           "capabilities.cpu_features"};
  const std::vector<std::string> numbers = {"capabilities.memory_mb", "capabilities.opset"};
  const std::vector<std::string> versioned = {"capabilities.jetpack", "capabilities.onnxruntime"};
  const std::vector<std::string> bounds = {"5", "5.1", "5.1.2", "6.0", "0", "123456789012345"};
  const auto comparison = [&] {
    static const std::string operators[] = {" = ", " != ", " : "};
    static const std::string orders[] = {" = ", " != ", " < ", " <= ", " > ", " >= ", " ~ "};
    if (rng.chance(0.2)) return numbers[rng.below(2)] + orders[rng.below(7)] + std::to_string(rng.below(4));
    if (rng.chance(0.3)) return versioned[rng.below(2)] + orders[rng.below(7)] + bounds[rng.below(bounds.size())];
    return fields[rng.below(fields.size())] + operators[rng.below(3)] + '"' + word() + '"';
  };
  for (int round = 0; round < 150; ++round) {
    std::string text = (rng.chance(0.3) ? "NOT (" : "(") + comparison();
    const std::string joint = rng.chance(0.5) ? " AND " : " OR ";
    for (std::uint64_t more = rng.below(3); more > 0; --more)
      text += joint + (rng.chance(0.3) ? "NOT " : "") + comparison();
    text += ")";
    const Filter filter = parse_filter(text).value();
    std::vector<std::string> expected;
    for (const Device& device : all)
      if (matches(filter, device)) expected.push_back(device.id.value());
    EXPECT_EQ(ids(text), expected) << text;
  }
}

TEST_F(DeviceServiceTest, ShowsTheDeviceAsTheProtocolSays) {
  add_device("cam-1", "cpu", R"({"site": "berlin"})");
  take(updating("cam-1", "downloading"), now + 5s);
  database.exec("insert into models (name) values ('digits')");
  database.exec(
      "insert into drift_state (device_id, model, version, feature, psi, samples, drifted, since, updated_at) "
      "values ('cam-1', 'digits', '1.0', 'sharpness', 0.4, 100, true, now(), now()), "
      "('cam-1', 'digits', '1.0', 'brightness', 0.0, 100, false, now(), now())");
  database.exec(
      "insert into alerts (rule, severity, device_id, state, message, opened_at) values "
      "('drift', 'warning', 'cam-1', 'firing', 'm', now()), ('gone_dark', 'warning', 'cam-1', 'pending', 'm', now())");
  const nlohmann::json json = device_to_json(get("cam-1"));
  EXPECT_EQ(json["labels"]["site"], "berlin");
  EXPECT_EQ(json["capabilities"]["architecture"], "x86_64");
  EXPECT_EQ(json["last_seen_at"], to_rfc3339(now + 5s));
  EXPECT_EQ(json["revoked_at"], nullptr);
  EXPECT_EQ(json["drifted"], nlohmann::json::array({"sharpness"}));
  EXPECT_EQ(json["open_alerts"], 1);
  const nlohmann::json& model = json["models"][0];
  EXPECT_EQ(model["version"], "1.0");
  EXPECT_EQ(model["previous_version"], "0.9");
  EXPECT_EQ(model["update_state"], "downloading");
  EXPECT_EQ(model["slots"].size(), 2U);
  EXPECT_EQ(model["update"]["rollout"], 3);
}

TEST_F(DeviceServiceTest, LabelsAreMergedAndAudited) {
  add_device("cam-1", "cpu", R"({"site": "berlin", "line": "2"})");
  const Device device =
      run(devices.patch_labels(DeviceId{"cam-1"}, {{"line", std::nullopt}, {"floor", "3"}}, "user:ada")).value();
  EXPECT_EQ(device.labels, (Labels{{"site", "berlin"}, {"floor", "3"}}));
  EXPECT_EQ(database.value<std::string>("select actor || ' ' || action || ' ' || object from audit"),
            "user:ada device.label device/cam-1");
  EXPECT_EQ(run(devices.patch_labels(DeviceId{"no"}, {}, "user:ada")).error().code, Errc::not_found);
  const auto nowhere = run(devices.patch_labels(DeviceId{"cam-1"}, {{"time_zone", "Mars/Base"}}, "user:ada"));
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Errc::invalid_argument);
  EXPECT_NE(nowhere.error().message.find("'Mars/Base' is no time zone"), std::string::npos);
  EXPECT_TRUE(run(devices.patch_labels(DeviceId{"cam-1"}, {{"time_zone", "Europe/Berlin"}}, "user:ada")));
}

wire::DeviceState declaring(const std::string& hardware_class, std::map<std::string, std::string> labels) {
  wire::DeviceState state = state_of("cam-1");
  state.hardware_class = hardware_class;
  state.labels = std::move(labels);
  return state;
}

TEST_F(DeviceServiceTest, AnEditedConfigurationSuggestsAndAnOperatorTakesIt) {
  add_device("cam-1", "cpu", R"({"site": "berlin", "owner": "ada"})");
  take(declaring("cpu", {{"site", "berlin"}}), now);  // the first that it tells
  EXPECT_EQ(get("cam-1").suggested_json, "");
  take(declaring("orin", {{"site", "oslo"}}), now);
  Device device = get("cam-1");
  EXPECT_EQ(device.hardware_class, "cpu");
  EXPECT_EQ(device.labels.at("site"), "berlin");
  EXPECT_EQ(device_to_json(device)["suggested"],
            nlohmann::json::parse(R"({"hardware_class": "orin", "labels": {"site": "oslo"}})"));

  device = run(devices.settle_suggestion(DeviceId{"cam-1"}, true, "user:ada")).value();
  EXPECT_EQ(device.hardware_class, "orin");
  EXPECT_EQ(device.labels, (Labels{{"site", "oslo"}, {"owner", "ada"}}));
  EXPECT_EQ(device.suggested_json, "");
  EXPECT_EQ(database.value<std::string>("select actor || ' ' || action from audit"), "user:ada device.take_suggested");
  EXPECT_EQ(run(devices.settle_suggestion(DeviceId{"cam-1"}, true, "user:ada")).error().code, Errc::conflict);
  EXPECT_EQ(run(devices.settle_suggestion(DeviceId{"no"}, true, "user:ada")).error().code, Errc::not_found);
}

TEST_F(DeviceServiceTest, WhatWasTurnedDownIsNotSuggestedAgain) {
  add_device("cam-1", "cpu", R"({"site": "berlin"})");
  take(declaring("cpu", {{"site", "berlin"}}), now);
  take(declaring("cpu", {{"site", "oslo"}}), now);
  ASSERT_TRUE(run(devices.settle_suggestion(DeviceId{"cam-1"}, false, "user:ada")));
  EXPECT_EQ(get("cam-1").labels.at("site"), "berlin");
  take(declaring("cpu", {{"site", "oslo"}, {"line", "2"}}), now);
  EXPECT_EQ(device_to_json(get("cam-1"))["suggested"], nlohmann::json::parse(R"({"labels": {"line": "2"}})"));
}

TEST_F(DeviceServiceTest, TheClassThatAllOtherBoardsOfItsKindHaveIsSuggestedOnce) {
  for (const std::string id : {"peer-1", "peer-2", "peer-3"}) add_device(id, "orin");
  add_device("stranger", "cpu");
  database.exec(
      "update devices set capabilities = jsonb_build_object('board', case id when 'stranger' then 'Pi 5' else "
      "'Orin Nano' end)");
  add_device("cam-1", "cpu");
  const auto tell_board = [&](const std::string& board) {
    wire::DeviceState state = declaring("cpu", {});
    state.capabilities.accelerators.clear();
    state.capabilities.inventory.board = board;
    take(state, now);
  };
  tell_board("Pi 5");
  EXPECT_EQ(get("cam-1").suggested_json, "") << "there is one other";
  tell_board("Orin Nano");
  EXPECT_EQ(device_to_json(get("cam-1"))["suggested"]["hardware_class"], "orin");
  take(declaring("cpu", {{"site", "oslo"}}), now);
  EXPECT_EQ(device_to_json(get("cam-1"))["suggested"]["hardware_class"], "orin") << "beside what the file says";
  ASSERT_TRUE(run(devices.settle_suggestion(DeviceId{"cam-1"}, false, "user:ada")));
  tell_board("Pi 5");
  tell_board("Orin Nano");
  EXPECT_EQ(get("cam-1").suggested_json, "") << "it was turned down";
  EXPECT_EQ(get("cam-1").hardware_class, "cpu");
}

TEST_F(DeviceServiceTest, ARuleTakesWhatItNamesAtOnce) {
  DeviceService ruled{pool, SuggestionRule::parse("labels.site, labels.time_zone").value()};
  add_device("cam-1", "cpu", R"({"site": "berlin"})");
  const auto tell = [&](wire::DeviceState state) {
    std::vector<ReceivedState> states;
    states.push_back({std::move(state), false});
    ASSERT_TRUE(run(ruled.take_states(std::move(states), now)));
  };
  tell(declaring("cpu", {{"site", "berlin"}}));
  tell(declaring("orin", {{"site", "oslo"}}));
  EXPECT_EQ(get("cam-1").labels.at("site"), "oslo");
  EXPECT_EQ(device_to_json(get("cam-1"))["suggested"],
            nlohmann::json::parse(R"({"hardware_class": "orin", "labels": {}})"));
  tell(declaring("orin", {{"site", "rome"}, {"time_zone", "Mars/Base"}}));
  EXPECT_EQ(get("cam-1").labels.at("site"), "oslo") << "a time zone that is none lets all of it wait for somebody";
}

TEST_F(DeviceServiceTest, ARevokedDeviceLeavesTheListsAndIsNotHeard) {
  add_device("cam-1");
  EXPECT_TRUE(run(devices.revoke(DeviceId{"cam-1"}, "user:ada", now)));
  EXPECT_TRUE(run(devices.revoke(DeviceId{"cam-1"}, "user:ada", now + 1s)));
  EXPECT_EQ(ids(""), std::vector<std::string>{});
  EXPECT_EQ(get("cam-1").revoked_at, now);
  EXPECT_EQ(take(state_of("cam-1"), now), StateOutcome::unknown);
  EXPECT_EQ(database.value<int>("select count(*) from audit where action = 'device.revoke'"), 1);
  EXPECT_EQ(run(devices.revoke(DeviceId{"no"}, "user:ada", now)).error().code, Errc::not_found);
}

TEST_F(DeviceServiceTest, TakingTheSameStateAgainChangesNothing) {
  add_device("cam-1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(take(updating("cam-1", "downloading"), now), StateOutcome::taken);
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'update.state'"), 1);
  EXPECT_EQ(database.value<int>("select count(*) from device_models"), 1);
  EXPECT_EQ(database.value<int>("select interval_s from device_state"), 30);
}

TEST_F(DeviceServiceTest, TheRateOfItsDownloadsIsKeptUntilItKnowsABetter) {
  add_device("cam-1");
  const auto rate = [&](std::optional<std::uint64_t> reported) {
    auto state = state_of("cam-1");
    state.download_bytes_per_s = reported;
    take(state, now);
    return database.value<std::string>("select coalesce(download_bytes_per_s::text, 'unknown') from device_state");
  };
  EXPECT_EQ(rate({}), "unknown");
  EXPECT_EQ(rate(250'000), "250000");
  EXPECT_EQ(rate({}), "250000") << "an agent that has just started does not know it";
  EXPECT_EQ(rate(~std::uint64_t{0}), "1000000000000") << "no number breaks the column";
}

TEST_F(DeviceServiceTest, HealthInTheStateIsTheNewestAndStaysWhenTheStateHasNoneAnyMore) {
  add_device("cam-1");
  const auto health = [&](std::optional<double> wear) {
    auto state = state_of("cam-1");
    if (wear) state.health.emplace().at = now;
    if (wear) state.health->disk_wear_percent = wear;
    take(state, now);
    return database.value<std::string>("select health::text || ' ' || (health_at is not null) from device_state");
  };
  database.exec("update device_state set health = '{\"cpu_percent\": 3}', health_at = now()");
  EXPECT_EQ(health({}), "{\"cpu_percent\": 3} true");
  EXPECT_EQ(health(80), "{\"disk_wear_percent\": 80.0} true");
  EXPECT_EQ(get("cam-1").health_at, now);
  EXPECT_EQ(health({}), "{\"disk_wear_percent\": 80.0} true");
}

TEST_F(DeviceServiceTest, EveryStepOfABatchIsAnEventAndTheLastOneStays) {
  add_device("cam-1");
  std::vector<ReceivedState> states;
  for (const char* step : {"planning", "downloading", "verifying", "rejected"})
    states.push_back({updating("cam-1", step)});
  states.push_back({state_of("stranger")});
  const auto outcomes = run(devices.take_states(std::move(states), now)).value();
  EXPECT_EQ(outcomes.back(), StateOutcome::unknown);
  EXPECT_EQ(
      database.value<std::string>(
          "select string_agg(details->>'to' || '/' || severity, ' ' order by id) from events where rollout_id = 3"),
      "planning/info downloading/info verifying/info rejected/warning");
  EXPECT_EQ(get("cam-1").models.at(0).update_state, "rejected");
}

TEST_F(DeviceServiceTest, AnOlderSessionIsIgnored) {
  add_device("cam-1");
  EXPECT_EQ(take(updating("cam-1", "committed", 5), now), StateOutcome::taken);
  EXPECT_EQ(take(updating("cam-1", "downloading", 4), now + 1s), StateOutcome::stale);
  EXPECT_EQ(get("cam-1").models.at(0).update_state, "committed");
  EXPECT_EQ(get("cam-1").last_seen_at, now);
}

TEST_F(DeviceServiceTest, TheBrokersMemoryIsNoSignOfLife) {
  add_device("cam-1");
  EXPECT_EQ(take(updating("cam-1", "idle"), now, true), StateOutcome::taken);
  EXPECT_EQ(get("cam-1").last_seen_at, std::nullopt);
  EXPECT_EQ(get("cam-1").models.at(0).version, "1.0");
}

TEST_F(DeviceServiceTest, AModelThatIsGoneFromTheReportIsGone) {
  add_device("cam-1");
  take(updating("cam-1", "idle"), now);
  take(state_of("cam-1"), now);
  EXPECT_TRUE(get("cam-1").models.empty());
}

TEST_F(DeviceServiceTest, APoisonedStateDoesNotTakeItsBatchDown) {
  add_device("cam-1");
  add_device("cam-2");
  wire::DeviceState poison = state_of("cam-1");
  poison.agent_version = std::string("a\0b", 3);
  Rng rng(3);
  wire::DeviceState endless = updating("cam-1", "idle");
  endless.models[0].version.clear();
  for (int i = 0; i < 4000; ++i) endless.models[0].version += static_cast<char>('a' + rng.below(26));
  const auto outcomes = run(devices.take_states({{poison}, {endless}, {state_of("cam-2")}}, now)).value();
  EXPECT_EQ(outcomes, (std::vector<StateOutcome>{StateOutcome::refused, StateOutcome::refused, StateOutcome::taken}));
}

TEST_F(DeviceServiceTest, TakesHundredsOfStatesASecond) {
  constexpr int fleet = 400;
  database.exec("insert into devices (id, hardware_class) select 'cam-' || n, 'cpu' from generate_series(1, 400) n");
  database.exec("insert into device_state (device_id) select id from devices");
  const auto start = std::chrono::steady_clock::now();
  for (const char* step : {"planning", "downloading", "downloading", "downloading", "downloading"}) {
    std::vector<ReceivedState> states;
    for (int i = 1; i <= fleet; ++i) states.push_back({updating("cam-" + std::to_string(i), step)});
    ASSERT_TRUE(run(devices.take_states(std::move(states), now)));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  RecordProperty("states_per_second", static_cast<int>(5 * fleet / took.count()));
  std::printf("%.0f states a second\n", 5 * fleet / took.count());
  EXPECT_EQ(database.value<int>("select count(*) from events"), 2 * fleet);
}

}  // namespace
}  // namespace argosy::server

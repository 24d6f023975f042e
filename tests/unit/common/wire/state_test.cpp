#include "common/wire/state.hpp"

#include <fstream>
#include <functional>
#include <sstream>

#include <gtest/gtest.h>

namespace argosy::wire {
namespace {

std::string golden(const std::string& name) {
  std::ifstream file(std::string(ARGOSY_GOLDEN) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  std::string content = text.str();
  while (content.ends_with('\n')) content.pop_back();
  return content;
}

DeviceState whole() {
  UpdateReport update;
  update.rollout = 3;
  update.attempt = 2;
  update.version = "1.1";
  update.state = "rejected";
  update.progress = 0.5;
  update.source = "patch";
  update.bytes = 100;
  update.full_bytes = 1000;
  update.cause = "validate_rejected";
  update.message = "accuracy is 0.5; at least 0.94 is asked for";
  update.metric_value = 0.5;
  update.metric_threshold = 0.94;
  update.serving_value = 0.75;
  update.serving_p95_ms = 1.5;
  update.latency_p95_ms = 1.25;
  update.baseline_p95_ms = 1.5;
  update.peak_memory_mb = 42;
  update.samples = 360;
  update.changed_at = instant_from_ms(1'700'000'000'123);
  ModelReport model;
  model.model = "digits";
  model.version = "1.0";
  model.digest = std::string(64, 'a');
  model.slots = {{"a", "serving", "1.0", std::string(64, 'a'), 900}, {"b", "empty", "", "", 0}};
  model.update = update;
  DeviceState state;
  state.device = "cam-7";
  state.nonce = 17;
  state.rev = 812;
  state.agent_version = "0.1.0";
  state.hardware_class = "cpu-fp32";
  state.capabilities = {"x86_64", {"cpu"}, {"onnxruntime"}, {"fp32", "int8"}, 2048};
  state.health_interval_s = 30;
  state.at = instant_from_ms(1'700'000'000'000);
  state.models = {model};
  return state;
}

TEST(DeviceState, HowManyObservationsWereWantedIsThereOnlyWhereTheyWereTooFew) {
  auto state = whole();
  EXPECT_EQ(encode(state).find("samples_wanted"), std::string::npos);
  state.models[0].update->samples_wanted = 400;
  EXPECT_EQ(decode_device_state(encode(state)).value(), state);
}

TEST(DeviceState, BytesStayAsTheyAre) {
  EXPECT_EQ(encode(whole()), golden("state.json"));
}

TEST(DeviceState, WhatIsWrittenIsRead) {
  const auto decoded = decode_device_state(encode(whole()));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, whole());
}

TEST(DeviceState, WhatTheLinkReachedIsReadToo) {
  DeviceState state = whole();
  state.download_bytes_per_s = 1'250'000;
  EXPECT_EQ(*decode_device_state(encode(state)), state);
}

TEST(DeviceState, TheNewestHealthIsReadToo) {
  DeviceState state = whole();
  HealthSample& health = state.health.emplace();
  health.at = instant_from_ms(1'700'000'030'000);
  health.disk_wear_percent = 30;
  health.under_voltage = 0;
  EXPECT_NE(
      encode(state).find(R"("health":{"at":"2023-11-14T22:13:50.000Z","disk_wear_percent":30.0,"under_voltage":0.0})"),
      std::string::npos);
  EXPECT_EQ(*decode_device_state(encode(state)), state);
  std::string untimed = encode(state);
  untimed.replace(untimed.find("\"at\":\"2023-11-14T22:13:50"), 4, "\"xx\"");
  EXPECT_NE(decode_device_state(untimed).error().message.find("'health.at' is missing"), std::string::npos);
}

TEST(DeviceState, TellsRuntimesReadingsAndWhyThereAreNone) {
  DeviceState state = whole();
  state.capabilities.runtime_versions = {"onnxruntime 1.22.0", "triton 2.49.0"};
  state.readings_fault = "readings.command: /usr/bin/pump ended with exit code 1";
  HealthSample& health = state.health.emplace();
  health.at = instant_from_ms(1'700'000'030'000);
  health.npu_percent = 12;
  health.numbers = {{"pump_bar", 2.5}};
  EXPECT_EQ(decode_device_state(encode(state)).value(), state);
}

TEST(DeviceState, TellsTheLabelsOfItsFileAndWhatIsNotAsItShouldBe) {
  DeviceState state = whole();
  state.labels = std::map<std::string, std::string>{{"site", "berlin"}};
  state.conditions = {{"clock_wrong", "the board's clock says 1970"}, {"disk_full", "no room"}};
  EXPECT_EQ(decode_device_state(encode(state)).value(), state);
  state.labels.emplace();
  EXPECT_EQ(decode_device_state(encode(state)).value(), state) << "none is another thing than not told";
  state.labels = std::map<std::string, std::string>{{"no label", "x"}};
  EXPECT_FALSE(decode_device_state(encode(state)));
}

DeviceState shadowing(const ShadowCounts& counts) {
  DeviceState state = whole();
  state.models[0].update->state = "shadowing";
  state.models[0].update->shadow = counts;
  return state;
}

TEST(DeviceState, TellsWhatTheDeviceIsMadeOf) {
  DeviceState state = whole();
  EXPECT_EQ(encode(state).find("\"board\""), std::string::npos) << "what is not known is absent";
  Inventory& inventory = state.capabilities.inventory;
  inventory.board = "Raspberry Pi 5 Model B Rev 1.0";
  inventory.compatible = {"raspberrypi,5-model-b", "brcm,bcm2712"};
  inventory.cpu = "Cortex-A76";
  inventory.cpu_features = {"dotprod", "neon"};
  inventory.cores = 4;
  inventory.parts = {"edgetpu USB 18d1:9302"};
  inventory.versions = {{"kernel", "6.6.31"}};
  inventory.onnx = OnnxReach{22, 10};
  EXPECT_EQ(decode_device_state(encode(state)).value(), state);
}

TEST(DeviceState, AnInventoryHasBounds) {
  const std::vector<std::function<void(Inventory&)>> floods{
      [](Inventory& inventory) { inventory.board.assign(most_board_bytes + 1, 'b'); },
      [](Inventory& inventory) { inventory.parts.assign(most_parts + 1, "edgetpu"); },
      [](Inventory& inventory) { inventory.cpu_features.assign(41, "avx2"); },
      [](Inventory& inventory) { inventory.compatible = {std::string(most_part_bytes + 1, 'c')}; },
      [](Inventory& inventory) { inventory.versions["kernel"].assign(most_version_bytes + 1, '6'); },
      [](Inventory& inventory) { inventory.cores = 0; },
      [](Inventory& inventory) {
        inventory.onnx = OnnxReach{0, 8};
      }};
  for (const auto& flood : floods) {
    DeviceState state = whole();
    flood(state.capabilities.inventory);
    EXPECT_FALSE(decode_device_state(encode(state)));
  }
}

TEST(DeviceState, CountsOfAShadowRunAreInTheseBytes) {
  const DeviceState state = shadowing({100, 1, 90, 80, 75, 72, 70});
  EXPECT_NE(encode(state).find(golden("shadow_counts.json")), std::string::npos);
  EXPECT_EQ(*decode_device_state(encode(state)), state);
}

TEST(DeviceState, CountsThatCannotBeAreRefused) {
  for (const ShadowCounts& counts :
       {ShadowCounts{most_shadow_samples + 1, 0, 0, 0, 0, 0, 0}, ShadowCounts{100, 0, 101, 0, 0, 0, 0},
        ShadowCounts{100, 11, 90, 0, 0, 0, 0}, ShadowCounts{100, 0, 0, 101, 0, 0, 0},
        ShadowCounts{100, 0, 0, 80, 81, 0, 0}, ShadowCounts{100, 0, 0, 80, 0, 81, 0},
        ShadowCounts{100, 0, 0, 80, 10, 5, 6}, ShadowCounts{100, 0, 0, 80, 60, 60, 30}}) {
    const auto decoded = decode_device_state(encode(shadowing(counts)));
    ASSERT_FALSE(decoded);
    EXPECT_NE(decoded.error().message.find("no part may be more than its whole"), std::string::npos);
  }
}

TEST(DeviceState, CountsOfALaterVersionArePassedOver) {
  std::string text = encode(shadowing({100, 0, 90, 0, 0, 0, 0}));
  const auto at = text.find(R"("v":1})");
  ASSERT_NE(at, std::string::npos);
  const auto decoded = decode_device_state(text.replace(at, 5, R"("v":2)"));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->models[0].update->shadow->samples, 0U);
}

TEST(DeviceState, WhatIsAbsentStaysAbsent) {
  DeviceState state = whole();
  state.models[0].update.reset();
  EXPECT_EQ(*decode_device_state(encode(state)), state);
}

TEST(DeviceState, UnknownUpdateStateIsRefused) {
  DeviceState state = whole();
  state.models[0].update->state = "dancing";
  const auto decoded = decode_device_state(encode(state));
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().message.find("models[0].update.state"), std::string::npos);
}

// Each of these took the documents of hundreds of other devices with it, or ended the server.
TEST(DeviceState, RefusesWhatNoColumnHolds) {
  const std::string model = R"("models":[{"model":"m","version":"1","update":{"version":"1","state":"idle")";
  for (const std::string& fields : {std::string(R"("at":"0000-01-01T00:00:00Z")"),
                                    std::string(R"("at":"1969-12-31T23:59:59Z")"),
                                    std::string(R"("health":{"at":"0001-01-01T00:00:00Z"})"),
                                    std::string(R"("health":{"at":"2026-01-01T00:00:00Z","uptime_s":1e300})"),
                                    std::string(R"("rev":-1)"),
                                    std::string(R"("rev":9223372036854775808)"),
                                    std::string(R"("health":{"at":"2026-01-01T00:00:00Z","numbers":{"Pump":1}})"),
                                    std::string(R"("health":{"at":"2026-01-01T00:00:00Z","numbers":{"pump":1e300}})"),
                                    R"("readings_fault":")" + std::string(513, 'x') + R"(")",
                                    std::string(R"("health_interval_s":0)"),
                                    std::string(R"("health_interval_s":1000000000)"),
                                    std::string(R"("download_bytes_per_s":9223372036854775808)"),
                                    std::string(R"("capabilities":{"memory_mb":18446744073709551615})"),
                                    std::string(R"("agent_version":"a\u0000b")"),
                                    std::string(R"("hardware_class":")") + std::string(65, 'x') + '"',
                                    std::string(R"("device":"cam-8")"),
                                    std::string(R"("later":)") + std::string(100, '[') + std::string(100, ']'),
                                    std::string(R"("models":[{"model":"m","version":"a b"}])"),
                                    model + R"(,"attempt":2147483647}}])",
                                    model + R"(,"rollout":-1}}])",
                                    model + R"(,"bytes":9007199254740993}}])",
                                    model + R"(,"samples":1e400}}])",
                                    model + R"(,"changed_at":"9999-12-31T23:59:59-01:00"}}])"}) {
    const auto state = decode_device_state(R"({"v":1,"device":"cam-7","nonce":1,)" + fields + "}");
    ASSERT_FALSE(state) << fields;
    EXPECT_EQ(state.error().code, Errc::malformed_json);
    EXPECT_LT(state.error().message.size(), 250U);
  }
  EXPECT_TRUE(decode_device_state(R"({"v":1,"device":"cam-7","nonce":1,"newer":{"a":[1]},"health_interval_s":86400})"));
}

TEST(DeviceState, NeverShowsAForeignVersionWhole) {
  const auto state =
      decode_device_state("{\"device\":\"cam-7\",\"nonce\":1,\"v\":\"" + std::string(100'000, 'v') + "\"}");
  ASSERT_FALSE(state);
  EXPECT_LT(state.error().message.size(), 200U);
  EXPECT_EQ(decode_device_state(R"({"device":"cam-7","nonce":1,"v":2})").error().code, Errc::incompatible);
}

TEST(DeviceState, MessageThatIsNotUtf8IsMendedNotRefused) {
  DeviceState state = whole();
  state.models[0].update->message = "bad \xff byte";
  const auto decoded = decode_device_state(encode(state));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->models[0].update->message, "bad \xef\xbf\xbd byte");
}

TEST(DeviceState, NoTruncationIsReadAndLimitsHold) {
  const std::string text = encode(whole());
  for (std::size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(decode_device_state(text.substr(0, size)));
  EXPECT_EQ(decode_device_state(std::string((256 << 10) + 1, ' ')).error().code, Errc::too_large);
}

TEST(LastWill, WhatIsWrittenIsRead) {
  const auto will = decode_last_will(encode(LastWill{"cam-7", 17}));
  ASSERT_TRUE(will);
  EXPECT_EQ(will->device, "cam-7");
  EXPECT_EQ(will->nonce, 17);
  EXPECT_EQ(encode(LastWill{"cam-7", 17}), R"({"device":"cam-7","nonce":17,"v":1})");
  EXPECT_FALSE(will->goodbye);
  EXPECT_TRUE(decode_last_will(encode(LastWill{"cam-7", 17, true}))->goodbye);
  EXPECT_FALSE(decode_last_will(R"({"v":1,"device":"","nonce":17})"));
}

}  // namespace
}  // namespace argosy::wire

#include "common/wire/selector.hpp"

#include <gtest/gtest.h>

#include "common/json/json_text.hpp"

namespace argosy::wire {
namespace {

Capabilities jetson() {
  Capabilities capabilities;
  capabilities.architecture = "aarch64";
  capabilities.accelerators = {"cpu", "cuda"};
  capabilities.runtimes = {"onnxruntime", "tensorrt"};
  capabilities.precisions = {"fp32", "fp16", "int8"};
  capabilities.memory_mb = 7620;
  capabilities.runtime_versions = {"onnxruntime 1.16.3", "tensorrt 8.6.1"};
  Inventory& inventory = capabilities.inventory;
  inventory.board = "NVIDIA Orin Nano Developer Kit";
  inventory.cpu = "Cortex-A78AE";
  inventory.cpu_features = {"dotprod", "fp16", "neon"};
  inventory.cores = 6;
  inventory.parts = {"nvidia_gpu Tegra"};
  inventory.versions = {{"jetpack", "5.1.2"}, {"l4t", "35.4.1"}, {"tensorrt", "8.5.2"}};
  inventory.onnx = OnnxReach{19, 9};
  return capabilities;
}

Selector selector(std::initializer_list<std::string_view> conditions) {
  Selector selector;
  std::string key;
  for (const auto condition : conditions) key = take_condition(selector, condition, key).value();
  return selector;
}

std::string why_not(std::initializer_list<std::string_view> conditions) {
  return mismatch(selector(conditions), jetson(), "orin");
}

TEST(Selector, SuitsWhereAllItsConditionsHold) {
  EXPECT_EQ(why_not({}), "");
  EXPECT_EQ(why_not({"precision=int8", "jetpack>=5.1", "<6", "cpu=dotprod", "part=nvidia_gpu"}), "");
  EXPECT_EQ(why_not({"memory_mb>=2000", "cores>=4", "opset>=17", "ir>=8", "hardware_class=orin"}), "");
}

TEST(Selector, SaysWhatIsAskedAndWhatTheDeviceHas) {
  EXPECT_EQ(why_not({"precision=int4"}), "needs the precision int4, the device offers fp32, fp16, int8");
  EXPECT_EQ(why_not({"jetpack>=6"}), "needs jetpack >=6, the device has 5.1.2");
  EXPECT_EQ(why_not({"memory_mb>=16000"}), "needs memory_mb >=16000, the device has 7620");
  EXPECT_EQ(why_not({"cpu=neon,i8mm"}), "needs a CPU with i8mm, the device's has dotprod, fp16, neon");
  EXPECT_EQ(why_not({"part=edgetpu"}), "needs the part edgetpu, the device found nvidia_gpu Tegra");
}

TEST(Selector, WhatTheDeviceDoesNotTellItDoesNotHave) {
  EXPECT_EQ(why_not({"openvino>=2023"}), "needs openvino >=2023, the device tells none");
  EXPECT_EQ(mismatch(selector({"memory_mb>=1"}), {}, ""), "needs memory_mb >=1, the device tells none");
  EXPECT_EQ(mismatch(selector({"opset>=1"}), {}, ""), "needs opset >=1, the device tells none");
  EXPECT_EQ(mismatch(selector({"cpu=avx2"}), {}, ""), "needs a CPU with avx2, the device's has none");
}

TEST(Selector, OfARuntimeEachVersionThatIsThereCounts) {
  EXPECT_EQ(why_not({"tensorrt~8.5"}), "");
  EXPECT_EQ(why_not({"tensorrt~8.6"}), "");
  EXPECT_EQ(why_not({"tensorrt>=10"}), "needs tensorrt >=10, the device has 8.5.2, 8.6.1");
  EXPECT_EQ(why_not({"onnxruntime~1.16"}), "");
}

TEST(Selector, WhatTheModelItselfAsks) {
  EXPECT_EQ(mismatch(OnnxReach{19, 9}, jetson()), "");
  EXPECT_EQ(mismatch(OnnxReach{25, 9}, jetson()), "needs the ONNX opset 25, the device's engine reads up to 19");
  EXPECT_EQ(mismatch(OnnxReach{17, 10}, jetson()), "needs the ONNX IR version 10, the device's engine reads up to 9");
  EXPECT_EQ(mismatch(std::nullopt, jetson()), "");
  EXPECT_EQ(mismatch(OnnxReach{25, 10}, Capabilities{}), "") << "an engine that does not tell its reach is tried";
}

TEST(Selector, IsTheSameAfterItWasWritten) {
  const Selector given =
      selector({"architecture=aarch64", "min_memory_mb=100", "jetpack>=5.1", "<6", "cpu=neon", "part=nvidia_gpu"});
  EXPECT_EQ(
      encode(given),
      R"({"architecture":"aarch64","cpu":["neon"],"jetpack":">=5.1,<6","min_memory_mb":100,"part":"nvidia_gpu"})");
  auto fields = JsonReader::parse(encode(given));
  Selector read;
  read_selector(*fields, read);
  ASSERT_TRUE(fields->finish());
  EXPECT_EQ(read, given);
}

TEST(Selector, BetweenCommasAKeyGoesOn) {
  const Selector given = selector({"cpu=avx2", "fma", "tensorrt>=8.5", "<10", "precision=int8"});
  EXPECT_EQ(given.cpu, (std::vector<std::string>{"avx2", "fma"}));
  EXPECT_EQ(given.ranges.at("tensorrt").text(), ">=8.5,<10");
}

TEST(Selector, RefusesWhatItDoesNotKnow) {
  const auto refusal = [](std::string_view condition) {
    Selector none;
    const auto taken = take_condition(none, condition);
    return taken ? std::string("taken") : taken.error().message;
  };
  EXPECT_NE(refusal("tenosrrt>=8").find("\"tenosrrt\" is not a key of a selector"), std::string::npos);
  EXPECT_NE(refusal("cpu=avx3").find("must be one of amx_bf16"), std::string::npos);
  EXPECT_NE(refusal("precision>=8").find("only versions and numbers have an order"), std::string::npos);
  EXPECT_NE(refusal("jetpack>=five").find("no range of versions"), std::string::npos);
  EXPECT_NE(refusal("min_memory_mb=-1").find("whole number"), std::string::npos);
  EXPECT_NE(refusal("precision").find("not a condition"), std::string::npos);
  EXPECT_NE(refusal("<6").find("not a condition"), std::string::npos) << "it belongs to no key";
}

TEST(Selector, AStoredOneWithANonsenseRangeIsRefused) {
  for (const char* json : {R"({"jetpack":">=x"})", R"({"cpu":["avx 3"]})", R"({"part":"a b"})", R"({"opset":17})"}) {
    auto fields = JsonReader::parse(json);
    Selector read;
    read_selector(*fields, read);
    EXPECT_FALSE(fields->finish()) << json;
  }
}

}  // namespace
}  // namespace argosy::wire

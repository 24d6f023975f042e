#include "server/devices/filter.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

Device camera() {
  Device device;
  device.id = DeviceId{"cam-7"};
  device.hardware_class = "cpu-fp32";
  device.labels = {{"site", "berlin-mitte"}, {"line", "a\"b"}};
  device.agent_version = "0.1.0";
  device.presence = Presence::online;
  device.capabilities_json =
      R"({"architecture": "aarch64", "accelerators": ["cpu", "cuda"], "runtimes": ["onnxruntime"],)"
      R"( "precisions": ["fp32", "int8"], "memory_mb": 4096,)"
      R"( "runtime_versions": ["onnxruntime 1.22.0", "triton 2.49.0"],)"
      R"( "board": "NVIDIA Orin Nano Developer Kit", "cpu": "Cortex-A78AE", "cores": 6,)"
      R"( "cpu_features": ["dotprod", "neon"], "parts": ["edgetpu USB 18d1:9302"],)"
      R"( "versions": {"jetpack": "5.1.2", "tensorrt": "8.5.2.2-1+cuda11.4"}, "onnx": {"opset": 22, "ir": 10}})";
  device.models.resize(2);
  device.models[0].model = "digits";
  device.models[0].version = "1.0";
  device.models[1].model = "faces";
  return device;
}

bool selects(std::string_view text) {
  return matches(parse_filter(text).value(), camera());
}

std::string complaint(std::string_view text) {
  const auto filter = parse_filter(text);
  if (filter) return "parsed";
  EXPECT_EQ(filter.error().code, Errc::filter_syntax);
  return filter.error().message;
}

TEST(Filter, EmptyTextIsEveryDevice) {
  EXPECT_TRUE(selects(""));
  EXPECT_TRUE(selects("  \t\n"));
}

TEST(Filter, ComparesEveryField) {
  EXPECT_TRUE(selects("id = \"cam-7\""));
  EXPECT_TRUE(selects("hardware_class = cpu-fp32"));
  EXPECT_TRUE(selects("presence = \"online\""));
  EXPECT_TRUE(selects("intermittent = false"));
  EXPECT_FALSE(selects("intermittent = true"));
  EXPECT_TRUE(selects("agent_version != \"0.2.0\""));
  EXPECT_TRUE(selects("labels.site : \"berlin\""));
  EXPECT_TRUE(selects("model.digits = \"1.0\""));
  EXPECT_FALSE(selects("id = \"cam\""));
  EXPECT_FALSE(selects("labels.site = \"berlin\""));
}

TEST(Filter, LooksAtCapabilities) {
  EXPECT_TRUE(selects("capabilities.architecture = aarch64"));
  EXPECT_TRUE(selects("capabilities.architecture : arch"));
  EXPECT_FALSE(selects("capabilities.architecture != aarch64"));
  EXPECT_TRUE(selects("capabilities.accelerators = cuda")) << "one of a list";
  EXPECT_FALSE(selects("capabilities.accelerators = cud"));
  EXPECT_TRUE(selects("capabilities.accelerators : cud"));
  EXPECT_TRUE(selects("capabilities.accelerators != edgetpu"));
  EXPECT_FALSE(selects("capabilities.precisions != int8"));
  EXPECT_TRUE(selects("capabilities.runtimes = onnxruntime AND capabilities.memory_mb >= 4096"));
  EXPECT_TRUE(selects("capabilities.runtime_versions = \"triton 2.49.0\""));
  EXPECT_TRUE(selects("capabilities.runtime_versions : \"onnxruntime 1.22\""));
  EXPECT_FALSE(selects("capabilities.runtime_versions : \"onnxruntime 1.21\""));
  EXPECT_TRUE(selects("capabilities.memory_mb<5000"));
  EXPECT_TRUE(selects("capabilities.memory_mb <= 4096"));
  EXPECT_FALSE(selects("capabilities.memory_mb > 4096"));
  EXPECT_TRUE(selects("capabilities.memory_mb = \"4096\""));
}

TEST(Filter, ADeviceThatNeverSaidHasNoCapability) {
  const auto without = [](std::string_view text) { return matches(parse_filter(text).value(), Device{}); };
  EXPECT_FALSE(without("capabilities.memory_mb < 100"));
  EXPECT_FALSE(without("capabilities.memory_mb = 0"));
  EXPECT_TRUE(without("capabilities.memory_mb != 100"));
  EXPECT_FALSE(without("capabilities.architecture = \"\""));
  EXPECT_TRUE(without("NOT capabilities.accelerators = cuda"));
}

TEST(Filter, LooksAtTheInventory) {
  EXPECT_TRUE(selects("capabilities.board : \"Orin Nano\""));
  EXPECT_TRUE(selects("capabilities.cpu = Cortex-A78AE"));
  EXPECT_TRUE(selects("capabilities.cpu_features = dotprod AND NOT capabilities.cpu_features = i8mm"));
  EXPECT_TRUE(selects("capabilities.parts : edgetpu"));
  EXPECT_TRUE(selects("capabilities.cores >= 6"));
  EXPECT_TRUE(selects("capabilities.opset >= 17 AND capabilities.ir < 11"));
}

TEST(Filter, ComparesVersionsNumberByNumber) {
  EXPECT_TRUE(selects("capabilities.jetpack >= 5.1 AND capabilities.jetpack < 6"));
  EXPECT_TRUE(selects("capabilities.jetpack < 5.10"));
  EXPECT_FALSE(selects("capabilities.jetpack = 5.1"));
  EXPECT_TRUE(selects("capabilities.jetpack ~ 5.1"));
  EXPECT_TRUE(selects("capabilities.tensorrt ~ 8.5 AND capabilities.tensorrt = 8.5.2.2"));
  EXPECT_FALSE(selects("capabilities.tensorrt ~ 8.6"));
  EXPECT_TRUE(selects("capabilities.onnxruntime > 1.9")) << "of the runtimes at work";
  EXPECT_FALSE(selects("capabilities.openvino >= 0")) << "it tells none";
  EXPECT_TRUE(selects("capabilities.openvino != 2024.1"));
}

TEST(Filter, WhatACapabilityCannotBeAskedIsSaid) {
  EXPECT_EQ(complaint("capabilities.colour = red"),
            "column 1: there is no such capability; there are architecture, board, cpu, accelerators, compatible, "
            "cpu_features, parts, precisions, runtime_versions, runtimes, cores, ir, memory_mb, opset, cuda, cudnn, "
            "edgetpu, hailort, jetpack, kernel, l4t, nvidia_driver, onnxruntime, openvino, tensorrt, tflite");
  EXPECT_EQ(complaint("capabilities.memory_mb : 4"),
            "column 24: a version or a number contains nothing; write =, !=, <, <=, >, >= or ~");
  EXPECT_EQ(complaint("capabilities.memory_mb > lots"),
            "column 26: expected a whole number of at most 15 digits, found lots");
  EXPECT_EQ(complaint("capabilities.jetpack > five"),
            "column 24: expected a version: numbers with dots between them, found five");
  EXPECT_EQ(complaint("capabilities.runtimes > 3"),
            "column 23: only versions and numbers among the capabilities have an order; write =, != or :");
  EXPECT_EQ(complaint("hardware_class ~ 3"),
            "column 16: only versions and numbers among the capabilities have an order; write =, != or :");
}

TEST(Filter, WhatTheDeviceLacksEqualsNothing) {
  EXPECT_FALSE(selects("labels.floor = \"\""));
  EXPECT_FALSE(selects("labels.floor : \"\""));
  EXPECT_TRUE(selects("labels.floor != \"3\""));
  EXPECT_FALSE(selects("model.faces : \"\""));
  EXPECT_TRUE(selects("model.unknown != \"1.0\""));
}

TEST(Filter, JoinsWithAndOrNotAndParentheses) {
  EXPECT_TRUE(selects("id = \"x\" OR id = \"y\" OR id = \"cam-7\""));
  EXPECT_FALSE(selects("id = \"cam-7\" AND id = \"x\""));
  EXPECT_TRUE(selects("NOT id = \"x\""));
  EXPECT_TRUE(selects("NOT NOT id = \"cam-7\""));
  EXPECT_TRUE(selects("(id = \"x\" OR presence = \"online\") AND NOT (labels.site = \"x\" OR id = \"y\")"));
}

TEST(Filter, QuotesEscapeQuotesAndBackslashes) {
  EXPECT_TRUE(selects(R"(labels.line = "a\"b")"));
  EXPECT_EQ(parse_filter(R"(id = "a\\b")").value().root->comparison.value, R"(a\b)");
  EXPECT_EQ(complaint(R"(id = "a\nb")"), "column 8: a backslash stands before \" or \\ only");
}

TEST(Filter, AMixtureOfAndWithOrIsRefusedBecauseReadersDisagree) {
  EXPECT_EQ(complaint("id = a AND id = b OR id = c"),
            "column 19: AND and OR are mixed: say with parentheses which belong together");
}

TEST(Filter, ErrorsNameTheColumnAndWhatWasExpected) {
  EXPECT_EQ(complaint("id"), "column 3: expected =, != or :, found the end of the filter");
  EXPECT_EQ(complaint("id ="), "column 5: expected a value in double quotes, found the end of the filter");
  EXPECT_EQ(complaint("id = AND"), "column 6: expected a value in double quotes, found AND");
  EXPECT_EQ(complaint("colour = red"),
            "column 1: expected a field: id, hardware_class, presence, intermittent, agent_version, "
            "labels.<key>, model.<name> or capabilities.<name>, found colour");
  EXPECT_EQ(complaint("(id = a"), "column 8: expected AND, OR or the ) of column 1, found the end of the filter");
  EXPECT_EQ(complaint("id = a )"), "column 8: expected AND, OR or the end of the filter, found )");
  EXPECT_EQ(complaint("id = a id = b"), "column 8: expected AND, OR or the end of the filter, found id");
  EXPECT_EQ(complaint("id = \"abc"), "column 6: this quote is not closed");
  EXPECT_EQ(complaint("id > 3"),
            "column 4: only versions and numbers among the capabilities have an order; write =, != or :");
  EXPECT_EQ(complaint("labels.a.b = 1"), "column 1: the key 'a.b' does not match [A-Za-z0-9_-]{1,64}");
  EXPECT_EQ(complaint("labels. = 1"), "column 1: the key '' does not match [A-Za-z0-9_-]{1,64}");
}

TEST(Filter, CoversOneThatIsWrittenTheSameOrAnyWhenItAsksNothing) {
  const auto cover = [](const std::string& wide, const std::string& narrow) {
    return covers(parse_filter(wide).value(), parse_filter(narrow).value());
  };
  EXPECT_TRUE(cover("", ""));
  EXPECT_TRUE(cover("", "labels.site = berlin"));
  EXPECT_FALSE(cover("labels.site = berlin", ""));
  EXPECT_TRUE(cover("labels.site = berlin", "labels.site=\"berlin\""));
  EXPECT_FALSE(cover("labels.site = berlin", "labels.site = bonn"));
}

TEST(Filter, APresenceThatDoesNotExistIsAnError) {
  EXPECT_EQ(complaint("presence = onlin"), "column 12: expected online, late, offline or never_seen, found onlin");
  EXPECT_TRUE(selects("presence : line"));
  EXPECT_EQ(complaint("intermittent = yes"), "column 16: expected true or false, found yes");
  EXPECT_EQ(complaint("intermittent : true"), "column 14: intermittent is true or false; write = or !=");
}

TEST(Filter, RefusesWhatIsTooLongTooDeepOrNotText) {
  EXPECT_EQ(complaint("id = \"" + std::string(2000, 'a') + '"'),
            "column 2001: a filter may have at most 2000 bytes; this one has 2007");
  EXPECT_EQ(complaint(std::string(20, '(') + "id = a" + std::string(20, ')')), "parsed");
  EXPECT_EQ(complaint(std::string(21, '(') + "id = a" + std::string(21, ')')),
            "column 21: nested deeper than 20 levels");
  std::string nots;
  for (int i = 0; i < 100; ++i) nots += "NOT ";
  EXPECT_EQ(complaint(nots + "id = a"), "column 81: nested deeper than 20 levels");
  EXPECT_EQ(complaint("id = \"\xff\""), "column 6: this value is not UTF-8 text");
  EXPECT_EQ(complaint(std::string("id = \"a\0b\"", 10)), "column 6: this value is not UTF-8 text");
  EXPECT_EQ(complaint("id = \xc3\xa9"), "column 6: unexpected byte 195; put values in double quotes");
}

}  // namespace
}  // namespace argosy::server

#include "server/rollouts/rollout_preview.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

std::vector<Variant> only_fp32() {
  Variant variant{"fp32", "new", 1000, "onnx", {}, 0};
  variant.selector.precision = "fp32";
  return {variant};
}

DeviceGroup group_of(std::uint64_t devices, const std::string& digest, const std::string& previous = "",
                     const std::string& precision = "fp32") {
  DeviceGroup group;
  group.facts.hardware_class = precision;
  group.facts.capabilities.precisions = {precision};
  group.facts.version = digest == "new" ? "1.1" : "1.0";
  group.facts.digest = digest;
  group.facts.previous_digest = previous;
  group.devices = devices;
  return group;
}

RolloutPreview examined(const std::vector<DeviceGroup>& groups, const std::vector<ReadyPatch>& ready = {}) {
  RolloutPreview preview;
  preview.model = "digits";
  preview.version = "1.1";
  const auto variants = only_fp32();
  examine(preview, groups, {variants, "1.1", {"old"}, [&ready](const std::string&) { return ready; }});
  return preview;
}

TEST(RolloutPreview, CountsTheCheapestWayOfEachDevice) {
  const std::vector<ReadyPatch> ready{{"old", "bsdiff", {"patch", 10}, {"new", 1000}}};
  const auto seen =
      examined({group_of(3, "old"), group_of(2, "foreign"), group_of(1, "old", "new"), group_of(4, "")}, ready);
  EXPECT_EQ(seen.download.by_patch.devices, 3U);
  EXPECT_EQ(seen.download.by_patch.bytes, 30U);
  EXPECT_EQ(seen.download.whole.devices, 6U) << "a file that is not ours, and no file at all";
  EXPECT_EQ(seen.download.whole.bytes, 6000U);
  EXPECT_EQ(seen.download.in_other_slot, 1U);
  EXPECT_EQ(seen.download.full_bytes, 9000U);
  EXPECT_EQ(seen.download.patches_to_make, 0U);
  EXPECT_TRUE(seen.left_out.empty());
}

TEST(RolloutPreview, SaysWhereAPatchMayStillBeMade) {
  EXPECT_EQ(examined({group_of(3, "old"), group_of(2, "foreign")}).download.patches_to_make, 3U);
}

TEST(RolloutPreview, LeavesOutWhoCannotOrNeedNotBeTold) {
  auto resting = group_of(5, "old");
  resting.resting = 2;
  resting.away = 1;
  const auto seen = examined({group_of(3, "new"), group_of(2, "old", "", "int8"), resting});
  ASSERT_EQ(seen.left_out.size(), 3U);
  EXPECT_EQ(seen.left_out[0].reason, "installed");
  EXPECT_EQ(seen.left_out[1].reason, "incompatible");
  EXPECT_NE(seen.left_out[1].message.find("int8"), std::string::npos);
  EXPECT_EQ(seen.left_out[2].reason, "resting");
  EXPECT_EQ(seen.left_out[2].devices, 2U);
  EXPECT_EQ(seen.download.whole.devices, 3U);
  EXPECT_EQ(seen.away, 1U);
}

TEST(RolloutPreview, SaysHowManyDevicesSuitEachVariantAndWhyTheOthersDoNot) {
  std::vector<Variant> variants{{"jetson", "j", 1000, "onnx", {}, 5}, {"any", "a", 2000, "onnx", {}, 0}};
  variants[0].selector.ranges.emplace("jetpack", VersionRange::parse(">=5.1,<6").value());
  variants[1].onnx = wire::OnnxReach{21, 10};
  auto jetson = group_of(3, "old");
  jetson.facts.capabilities.inventory.versions = {{"jetpack", "5.1.2"}};
  auto old_jetson = group_of(2, "old");
  old_jetson.facts.capabilities.inventory.versions = {{"jetpack", "4.6"}};
  old_jetson.facts.capabilities.inventory.onnx = wire::OnnxReach{17, 8};
  RolloutPreview preview;
  examine(preview, {jetson, old_jetson, group_of(4, "old")},
          {variants, "1.1", {}, [](const std::string&) { return std::vector<ReadyPatch>{}; }});
  ASSERT_EQ(preview.variants.size(), 2U);
  EXPECT_EQ(preview.variants[0].name, "jetson");
  EXPECT_EQ(preview.variants[0].suits, 3U);
  EXPECT_EQ(preview.variants[0].takes, 3U);
  ASSERT_EQ(preview.variants[0].unsuited.size(), 2U);
  EXPECT_EQ(preview.variants[0].unsuited[0].message, "needs jetpack >=5.1,<6, the device has 4.6");
  EXPECT_EQ(preview.variants[0].unsuited[0].devices, 2U);
  EXPECT_EQ(preview.variants[0].unsuited[1].devices, 4U);
  EXPECT_EQ(preview.variants[1].suits, 7U) << "an engine that is not told is tried";
  EXPECT_EQ(preview.variants[1].takes, 4U);
  ASSERT_EQ(preview.variants[1].unsuited.size(), 1U);
  EXPECT_EQ(preview.variants[1].unsuited[0].message, "needs the ONNX opset 21, the device's engine reads up to 17");
}

TEST(RolloutPreview, ReasonsBeyondTheLimitAreCountedTogether) {
  std::vector<DeviceGroup> groups;
  for (int i = 0; i < 30; ++i) groups.push_back(group_of(1, "old", "", "precision-" + std::to_string(i)));
  const auto seen = examined(groups);
  ASSERT_EQ(seen.left_out.size(), reasons_limit);
  EXPECT_EQ(seen.left_out.back().message, "other reasons");
  EXPECT_EQ(seen.left_out.back().devices, 30 - (reasons_limit - 1));
  ASSERT_EQ(seen.variants[0].unsuited.size(), reasons_limit);
  EXPECT_EQ(seen.variants[0].unsuited.back().message, "other reasons");
  EXPECT_EQ(seen.variants[0].unsuited.back().devices, 30 - (reasons_limit - 1));
}

}  // namespace
}  // namespace argosy::server

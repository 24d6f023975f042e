#include "server/rollouts/core/variant_plan.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

std::vector<Variant> release() {
  Variant full{"fp32", "new-fp32", 1000, "onnx", {}, 0};
  full.selector.precision = "fp32";
  Variant small{"int8", "new-int8", 250, "onnx", {}, 1};
  small.selector.precision = "int8";
  return {full, small};
}

std::vector<wire::Part> no_parts(const HeldVersion&) {
  return {};
}

DeviceFacts device() {
  DeviceFacts facts;
  facts.hardware_class = "edge";
  facts.capabilities.precisions = {"fp32"};
  facts.version = "1.0";
  facts.digest = "old";
  facts.previous_digest = "older";
  return facts;
}

TEST(VariantPlan, PatchesHelpFromWhateverLiesInTheSlots) {
  const auto telling = tell(release(), "1.1", device(), no_parts);
  EXPECT_EQ(telling.variant, 0U);
  EXPECT_FALSE(telling.already_installed);
  ASSERT_EQ(telling.files.size(), 1U);
  EXPECT_EQ(telling.files[0].bases, (std::vector<std::string>{"old", "older"}));
}

TEST(VariantPlan, AFileThatIsInASlotNeedsNoPatch) {
  auto facts = device();
  facts.previous_digest = "new-fp32";
  const auto telling = tell(release(), "1.1", facts, no_parts);
  EXPECT_FALSE(telling.already_installed);
  EXPECT_TRUE(telling.files.empty());
}

TEST(VariantPlan, ServingExactlyThisIsNoWorkUnlessItIsStillOnProbation) {
  auto facts = device();
  facts.version = "1.1";
  facts.digest = "new-fp32";
  EXPECT_TRUE(tell(release(), "1.1", facts, no_parts).already_installed);
  facts.updating = true;
  EXPECT_FALSE(tell(release(), "1.1", facts, no_parts).already_installed);
}

TEST(VariantPlan, WithoutASuitableVariantEachOneSaysWhy) {
  auto facts = device();
  facts.capabilities.precisions = {"fp16"};
  const auto telling = tell(release(), "1.1", facts, no_parts);
  EXPECT_FALSE(telling.variant);
  EXPECT_NE(telling.refusal.find("fp32: "), std::string::npos) << telling.refusal;
  EXPECT_NE(telling.refusal.find("; int8: "), std::string::npos) << telling.refusal;
}

TEST(VariantPlan, ADeviceThatWasNeverSeenOffersNothing) {
  EXPECT_EQ(capabilities_of("{}"), wire::Capabilities{});
  EXPECT_EQ(capabilities_of("null"), wire::Capabilities{});
  EXPECT_EQ(capabilities_of(R"({"architecture": "aarch64", "precisions": ["int8"], "memory_mb": 4096})").memory_mb,
            4096U);
}

}  // namespace
}  // namespace argosy::server

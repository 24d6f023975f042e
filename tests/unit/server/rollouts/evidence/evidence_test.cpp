#include "server/rollouts/evidence/evidence.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

using nlohmann::json;

RolloutDeviceRecord device_record(const std::string& name, DeviceStep step) {
  RolloutDeviceRecord device;
  device.device = name;
  device.step = step;
  return device;
}

RolloutEvidence nothing_yet() {
  RolloutEvidence evidence;
  evidence.rollout.id = 7;
  evidence.rollout.model = "digits";
  evidence.rollout.version = "1.1";
  return evidence;
}

json document_of(const RolloutEvidence& evidence) {
  return json::parse(write_evidence(evidence, {"argosyd test", "user:ada", Instant{}}));
}

bool claims(const json& document, const std::string& of_source) {
  for (const auto& claim : document["claims"])
    if (claim["source"].get<std::string>().find(of_source) != std::string::npos) return true;
  return false;
}

TEST(RolloutEvidence, ClaimsNothingThatNothingSupports) {
  EXPECT_EQ(document_of(nothing_yet())["claims"], json::array());
}

TEST(RolloutEvidence, IsWrittenAsOneDocumentWithAllItsDevices) {
  auto evidence = nothing_yet();
  evidence.devices = {{device_record("a", DeviceStep::succeeded), device_record("b", DeviceStep::failed)}, 5};
  const auto text = write_evidence(evidence, {"argosyd test", "user:ada", Instant{}});
  const auto document = json::parse(text);
  EXPECT_EQ(document.dump(), text) << "keys in their order, nothing between";
  EXPECT_EQ(document["devices"]["items"].size(), 2U);
  EXPECT_EQ(document["devices"]["items"][1]["device"], "b");
  EXPECT_EQ(document["devices"]["left_out"], 3);
  EXPECT_EQ(document["devices"]["total"], 5);
}

TEST(RolloutEvidence, ClaimsWhatItsPartsShow) {
  auto evidence = nothing_yet();
  evidence.decisions = {{DecisionRecord{}}, 1};
  auto document = document_of(evidence);
  EXPECT_TRUE(claims(document, "article 12"));
  EXPECT_FALSE(claims(document, "article 14"));

  evidence.actions = {{EvidenceAction{}}, 1};
  EXPECT_TRUE(claims(document_of(evidence), "article 14"));

  evidence.release.validation_json = R"({"metric": "accuracy", "threshold": 0.9})";
  EXPECT_FALSE(claims(document_of(evidence), "article 15")) << "asked for, but nobody measured it";
  evidence.validation.metric.measured = 2;
  evidence.validation.metric.histogram = {{0.9, 0.95, 2}};
  EXPECT_TRUE(claims(document_of(evidence), "article 15"));

  evidence.release.variants = {{"fp32", "sha256:00", "onnx", 10, "{}"}};
  EXPECT_TRUE(claims(document_of(evidence), "annex I part I, point 2"));
  EXPECT_FALSE(claims(document_of(evidence), "annex I part II")) << "nobody signed it, and nobody has it";
  evidence.release.statement = "{}";
  EXPECT_TRUE(claims(document_of(evidence), "annex I part II"));
}

TEST(RolloutEvidence, EachPartThatAClaimNamesIsInTheDocument) {
  auto evidence = nothing_yet();
  evidence.decisions = {{DecisionRecord{}}, 1};
  evidence.looks = {{EvidenceLook{}}, 1};
  evidence.actions = {{EvidenceAction{}}, 1};
  evidence.devices = {{device_record("cam-1", DeviceStep::succeeded)}, 1};
  evidence.release.variants = {{"fp32", "sha256:00", "onnx", 10, "{}"}};
  const auto document = document_of(evidence);
  EXPECT_GE(document["claims"].size(), 5U);
  for (const auto& claim : document["claims"])
    for (const auto& part : claim["parts"]) EXPECT_TRUE(document.contains(json::json_pointer(part))) << part;
}

TEST(RolloutEvidence, SaysWhatItLeavesOut) {
  auto evidence = nothing_yet();
  evidence.devices = {{device_record("cam-1", DeviceStep::succeeded)}, 12, true};
  const auto devices = document_of(evidence)["devices"];
  EXPECT_EQ(devices["total"], 12);
  EXPECT_EQ(devices["left_out"], 11);
}

TEST(RolloutEvidence, ShowsFailedDevicesFirst) {
  const auto failed = device_record("cam-3", DeviceStep::failed);
  const auto one = device_record("cam-1", DeviceStep::succeeded), two = device_record("cam-2", DeviceStep::queued);
  const auto names = [](const RolloutPage<RolloutDeviceRecord>& page) {
    std::vector<std::string> found;
    for (const auto& device : page.items) found.push_back(device.device);
    return found;
  };
  const auto whole = failed_first({{failed}, 1}, {{one, two, failed}, 3}, 3);
  EXPECT_EQ(names(whole), (std::vector<std::string>{"cam-3", "cam-1", "cam-2"}));
  EXPECT_FALSE(whole.more);
  const auto cut = failed_first({{failed}, 1}, {{one, two}, 3, true}, 2);
  EXPECT_EQ(names(cut), (std::vector<std::string>{"cam-3", "cam-1"}));
  EXPECT_TRUE(cut.more);
}

}  // namespace
}  // namespace argosy::server

#include "server/rollouts/evidence/evidence.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/rollouts/rollout_json.hpp"
#include "server/rollouts/validation_json.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr const char* evidence_format = "argosy-rollout-evidence/1";

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json text_or_nothing(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

template <class T, class ToJson>
json part(const RolloutPage<T>& page, ToJson to_json) {
  json items = json::array();
  for (const T& item : page.items) items.push_back(to_json(item));
  const auto left_out = page.total - static_cast<std::int64_t>(page.items.size());
  return {{"total", page.total}, {"left_out", std::max<std::int64_t>(left_out, 0)}, {"items", std::move(items)}};
}

// As the API shows it, but for what only says what may be done now.
json plan_to_json(const RolloutRecord& record) {
  json rollout = rollout_to_json(record);
  for (const char* key : {"allowed", "etag"}) rollout.erase(key);
  return rollout;
}

json signature_to_json(const EvidenceRelease& release) {
  if (release.statement.empty()) return nullptr;
  return {
      {"statement", release.statement}, {"bundle", release.bundle}, {"key_sets", json_or_null(release.key_sets_json)}};
}

json release_part(const RolloutEvidence& evidence) {
  const EvidenceRelease& release = evidence.release;
  json variants = json::array();
  for (const EvidenceVariant& each : release.variants)
    variants.push_back({{"name", each.name},
                        {"digest", each.digest},
                        {"size", each.size},
                        {"format", each.format},
                        {"selector", json_or_null(each.selector_json)}});
  return {{"model", evidence.rollout.model},
          {"version", evidence.rollout.version},
          {"created_by", release.created_by},
          {"published_at", release.published_at ? json(to_rfc3339(*release.published_at)) : json(nullptr)},
          {"validation", json_or_null(release.validation_json)},
          {"variants", std::move(variants)},
          {"signature", signature_to_json(release)}};
}

json look_to_json(const EvidenceLook& look) {
  return {{"number", look.number},
          {"wave", look.wave},
          {"final", look.is_final},
          {"at", to_rfc3339(look.at)},
          {"guards", json_or_null(look.guards_json)}};
}

json action_to_json(const EvidenceAction& action) {
  return {{"id", action.id},
          {"at", to_rfc3339(action.at)},
          {"actor", action.actor},
          {"action", action.action},
          {"object", action.object},
          {"details", json_or_null(action.details_json)},
          {"seal", or_null(action.seal)},
          {"hash", text_or_nothing(action.hash)}};
}

json summary_to_json(const ValidationSummary& summary) {
  return {{"by_state", summary.by_state},
          {"by_cause", summary.by_cause},
          {"metric", metric_values_to_json(summary.metric)}};
}

struct KnownClaim {
  const char* claim;
  const char* source;
  std::vector<const char*> parts;  // all of them must say something
};

const std::vector<KnownClaim>& known_claims() {
  static const std::vector<KnownClaim> claims{
      {"What was decided in this rollout was recorded as it happened, with the time, who or what decided, and the "
       "numbers "
       "it was decided on.",
       "EU AI Act, Regulation (EU) 2024/1689, article 12 (record-keeping)",
       {"/decisions/items"}},
      {"How the new version did in operation, beside the old one, was measured and recorded with its uncertainty.",
       "EU AI Act, Regulation (EU) 2024/1689, article 12 (record-keeping)",
       {"/looks/items"}},
      {"People planned and steered this rollout; what each of them did is recorded under their name.",
       "EU AI Act, Regulation (EU) 2024/1689, article 14 (human oversight)",
       {"/actions/items"}},
      {"Devices measured the model on its validation set before it served, and told the result.",
       "EU AI Act, Regulation (EU) 2024/1689, article 15 (accuracy, robustness and cybersecurity)",
       {"/release/validation", "/validation/metric/histogram"}},
      {"Which file each kind of device was to get is fixed by its SHA-256 digest.",
       "Cyber Resilience Act, Regulation (EU) 2024/2847, annex I part I, point 2 (f) (integrity)",
       {"/release/variants"}},
      {"The files were signed by their publisher, and the signature is kept here as devices were given it.",
       "Cyber Resilience Act, Regulation (EU) 2024/2847, annex I part II, point 7 (secure distribution of updates)",
       {"/release/signature", "/release/variants"}},
      {"Which devices were brought the update, when, and how it ended on each of them, is recorded.",
       "Cyber Resilience Act, Regulation (EU) 2024/2847, annex I part II, point 7 (secure distribution of updates)",
       {"/devices/items"}},
  };
  return claims;
}

}  // namespace

RolloutPage<RolloutDeviceRecord> failed_first(RolloutPage<RolloutDeviceRecord> failed,
                                              RolloutPage<RolloutDeviceRecord> all, std::size_t limit) {
  RolloutPage<RolloutDeviceRecord> devices{std::move(failed.items), all.total, false};
  for (auto& device : all.items)
    if (device.step != DeviceStep::failed && devices.items.size() < limit) devices.items.push_back(std::move(device));
  devices.more = static_cast<std::int64_t>(devices.items.size()) < devices.total;
  return devices;
}

json claims_of(const json& document) {
  json claims = json::array();
  for (const KnownClaim& known : known_claims()) {
    const bool is_supported = std::all_of(known.parts.begin(), known.parts.end(), [&](const char* part) {
      return !document.at(json::json_pointer(part)).empty();
    });
    if (is_supported) claims.push_back({{"claim", known.claim}, {"source", known.source}, {"parts", known.parts}});
  }
  return claims;
}

namespace {

// All of it but the devices, of which only the first is there, for the claims to see.
json document_of(const RolloutEvidence& evidence, const EvidenceMaker& maker) {
  json document{{"format", evidence_format},
                {"made", {{"at", to_rfc3339(maker.at)}, {"by", maker.program}, {"asked_by", maker.asked_by}}},
                {"rollout", plan_to_json(evidence.rollout)},
                {"release", release_part(evidence)},
                {"decisions", part(evidence.decisions, decision_to_json)},
                {"looks", part(evidence.looks, look_to_json)},
                {"actions", part(evidence.actions, action_to_json)},
                {"audit_head",
                 {{"seal", evidence.audit.seal},
                  {"hash", evidence.audit.hash},
                  {"archived_up_to", evidence.audit.archived_up_to}}},
                {"devices", {{"items", json::array()}}},
                {"validation", summary_to_json(evidence.validation)}};
  if (!evidence.devices.items.empty())
    document["devices"]["items"].push_back(rollout_device_to_json(evidence.devices.items.front()));
  document["claims"] = claims_of(document);
  document["claims_note"] =
      "A claim says what the parts it names show. Whether that meets the provision is for people to judge.";
  return document;
}

// As part() makes it, one device after the other: as a document, ten thousand would take ten times their text.
void write_devices(std::string& text, const RolloutPage<RolloutDeviceRecord>& devices) {
  const auto left_out = devices.total - static_cast<std::int64_t>(devices.items.size());
  text += R"({"items":[)";
  for (const auto& device : devices.items) {
    if (&device != &devices.items.front()) text += ',';
    text += write_json(rollout_device_to_json(device));
  }
  text += R"(],"left_out":)" + std::to_string(std::max<std::int64_t>(left_out, 0)) + R"(,"total":)" +
          std::to_string(devices.total) + "}";
}

}  // namespace

std::string write_evidence(const RolloutEvidence& evidence, const EvidenceMaker& maker) {
  const json document = document_of(evidence, maker);
  std::string text = "{";
  for (const auto& [key, value] : document.items()) {
    if (text.size() > 1) text += ',';
    text += write_json(json(key)) + ':';
    if (key == "devices") {
      write_devices(text, evidence.devices);
    } else {
      text += write_json(value);
    }
  }
  return text + "}";
}

}  // namespace argosy::server

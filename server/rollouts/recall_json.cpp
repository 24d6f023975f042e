#include "server/rollouts/recall_json.hpp"

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"
#include "server/models/model_json.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

// Finds the devices that serve the release, in the list of devices.
std::string filter_of(const Recalled& release) {
  return "model." + release.model + " = \"" + release.version + "\"";
}

json rollout_of(const RecalledRollout& rollout) {
  return {{"id", rollout.id},
          {"name", rollout.name},
          {"state", to_string(rollout.state)},
          {"did", rollout.did},
          {"going_back", rollout.going_back}};
}

}  // namespace

Result<std::string> parse_withdrawal_reason(std::string_view text) {
  std::string reason;
  ARGOSY_TRY(auto in, JsonReader::parse(text));
  in.required("reason", reason)
      .check("reason", !reason.empty() && reason.size() <= max_withdrawal_reason_bytes && is_text(reason),
             "must be 1 to " + std::to_string(max_withdrawal_reason_bytes) +
                 " bytes of text: who meets the release later reads it");
  ARGOSY_CHECK(in.finish());
  return reason;
}

json withdrawn_to_json(const Recalled& withdrawn) {
  json rollouts = json::array();
  for (const auto& rollout : withdrawn.rollouts) rollouts.push_back(rollout_of(rollout));
  return {{"model", withdrawn.model},
          {"version", withdrawn.version},
          {"withdrawn", withdrawal_to_json(withdrawn.withdrawal)},
          {"running", {{"devices", withdrawn.running}, {"filter", filter_of(withdrawn)}}},
          {"rollouts", std::move(rollouts)}};
}

json recalled_to_json(const Recalled& recalled) {
  json document = withdrawn_to_json(recalled);
  document["helpless"] = {{"devices", recalled.helpless}, {"first", recalled.first_helpless}};
  return document;
}

}  // namespace argosy::server

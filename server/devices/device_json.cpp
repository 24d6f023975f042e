#include "server/devices/device_json.hpp"

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

constexpr std::size_t max_csr_bytes = 16 << 10;

Json time_or_null(const std::optional<Instant>& at) {
  return at ? Json(to_rfc3339(*at)) : Json(nullptr);
}
Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json object_of(const std::string& text) {
  auto json = parse_json(text);
  return json && json->is_object() ? std::move(*json) : Json::object();
}

// Slots and the update come from the report itself, which says more about them than the columns do.
Json reported_model(const Json& report, const std::string& model) {
  for (const Json& item : list_in(report, "models"))
    if (text_in(item, "model") == model) return item;
  return Json::object();
}

Json model_json(const InstalledModel& model, const Json& report) {
  const Json reported = reported_model(report, model.model);
  return {{"model", model.model},
          {"version", text_or_null(model.version)},
          {"digest", text_or_null(model.digest)},
          {"previous_version", text_or_null(model.previous_version)},
          {"update_state", model.update_state},
          {"update_version", text_or_null(model.update_version)},
          {"slots", list_in(reported, "slots")},
          {"update", member(reported, "update")}};
}

}  // namespace

Json device_to_json(const Device& device) {
  const Json report = object_of(device.report_json);
  Json models = Json::array();
  for (const InstalledModel& model : device.models) models.push_back(model_json(model, report));
  return {{"id", device.id.value()},
          {"hardware_class", device.hardware_class},
          {"labels", device.labels},
          {"capabilities", object_of(device.capabilities_json)},
          {"agent_version", text_or_null(device.agent_version)},
          {"presence", to_string(device.presence)},
          {"presence_since", to_rfc3339(device.presence_since)},
          {"presence_cause", to_string(device.presence_cause)},
          {"presence_reason", device.presence_reason},
          {"intermittent", device.intermittent_until.has_value()},
          {"last_seen_at", time_or_null(device.last_seen_at)},
          {"enrolled_at", to_rfc3339(device.enrolled_at)},
          {"revoked_at", time_or_null(device.revoked_at)},
          {"certificate_not_after", time_or_null(device.certificate_not_after)},
          {"health", object_of(device.health_json)},
          {"health_at", time_or_null(device.health_at)},
          {"readings_fault", text_or_null(text_in(report, "readings_fault"))},
          {"conditions", list_in(report, "conditions")},
          {"suggested", device.suggested_json.empty() ? Json(nullptr) : object_of(device.suggested_json)},
          {"replacement", device.replacement ? replacement_to_json(*device.replacement) : Json(nullptr)},
          {"models", std::move(models)},
          {"drifted", device.drifted},
          {"open_alerts", device.open_alerts}};
}

Json inventory_to_json(const std::vector<InventoryField>& fields) {
  Json items = Json::array();
  for (const InventoryField& field : fields) {
    Json values = Json::array();
    for (const auto& [value, devices] : field.values) values.push_back({{"value", value}, {"devices", devices}});
    items.push_back(
        {{"field", "capabilities." + field.name}, {"values", std::move(values)}, {"different", field.different}});
  }
  return {{"items", std::move(items)}};
}

Json replacement_to_json(const Replacement& replacement) {
  return {{"device_id", replacement.device.value()},
          {"state", to_string(replacement.state)},
          {"key", replacement.key_sha256},
          {"hardware_class", replacement.hardware_class},
          {"board", text_or_null(replacement.board)},
          {"address", replacement.address},
          {"claim", replacement.claim},
          {"asked_at", to_rfc3339(replacement.asked_at)},
          {"last_asked_at", to_rfc3339(replacement.last_asked_at)},
          {"settled_at", time_or_null(replacement.settled_at)},
          {"settled_by", text_or_null(replacement.settled_by)}};
}

Json claim_to_json(const Claim& claim) {
  return {{"id", claim.id},
          {"hardware_class", claim.hardware_class ? Json(*claim.hardware_class) : Json(nullptr)},
          {"labels", claim.labels},
          {"max_uses", claim.max_uses},
          {"uses", claim.uses},
          {"expires_at", to_rfc3339(claim.expires_at)},
          {"created_by", claim.created_by},
          {"created_at", to_rfc3339(claim.created_at)},
          {"revoked_at", time_or_null(claim.revoked_at)}};
}

Json new_claim_to_json(const NewClaim& claim) {
  return {{"id", claim.id}, {"claim", claim.token}, {"ca_sha256", claim.ca_sha256}};
}

Json credentials_to_json(const Credentials& credentials) {
  return {{"device", credentials.device.value()},
          {"certificate", credentials.certificate_pem},
          {"ca", credentials.authority_pem},
          {"mqtt", {{"host", credentials.mqtt_host}, {"port", credentials.mqtt_port}}}};
}

Result<LabelPatch> parse_label_patch(std::string_view json) {
  ARGOSY_TRY(JsonReader body, JsonReader::parse(json));
  Json labels = Json::object();
  body.required("labels", labels).check("labels", labels.is_object(), "must be an object");
  ARGOSY_CHECK(body.finish());
  LabelPatch patch;
  for (const auto& [key, value] : labels.get_ref<const Json::object_t&>()) {
    if (!value.is_string() && !value.is_null())
      return field_error("labels." + shortened(key), "must be text, or null to take it away");
    patch[key] = value.is_null() ? std::nullopt : std::optional(value.get_ref<const std::string&>());
  }
  return patch;
}

Result<bool> parse_settlement(std::string_view json) {
  ARGOSY_TRY(JsonReader body, JsonReader::parse(json));
  bool take = false;
  body.required("take", take);
  ARGOSY_CHECK(body.finish());
  return take;
}

Result<ClaimOffer> parse_claim_offer(std::string_view json) {
  ARGOSY_TRY(JsonReader body, JsonReader::parse(json));
  ClaimOffer offer;
  std::map<std::string, std::string> labels;
  body.optional("max_uses", offer.max_uses)
      .required("expires_in_s", offer.expires_in_s)
      .optional("hardware_class", offer.hardware_class)
      .optional("labels", labels);
  ARGOSY_CHECK(body.finish());
  offer.labels.insert(labels.begin(), labels.end());
  ARGOSY_CHECK(check_claim(offer));
  return offer;
}

Result<std::string> parse_renewal(std::string_view json) {
  ARGOSY_TRY(JsonReader body, JsonReader::parse(json));
  std::string csr;
  body.required_text("csr", max_csr_bytes, csr);
  ARGOSY_CHECK(body.finish());
  return csr;
}

}  // namespace argosy::server

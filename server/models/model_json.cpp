#include "server/models/model_json.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "common/wire/input_contract.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json parts_to_json(const std::vector<wire::Part>& parts) {
  Json list = Json::array();
  for (const wire::Part& part : parts)
    list.push_back({{"name", part.name}, {"digest", part.blob.digest}, {"size", part.blob.size}});
  return list;
}

Json variant_to_json(const Variant& variant) {
  return {{"name", variant.name},
          {"digest", variant.digest},
          {"size", variant.size},
          {"format", variant.format},
          {"parts", parts_to_json(variant.parts)},
          {"selector", json_or_null(wire::encode(variant.selector))},
          {"priority", variant.priority},
          {"onnx", variant.onnx ? wire::json_of(*variant.onnx) : Json(nullptr)},
          {"compact", variant.compact_json.empty() ? Json(nullptr) : json_or_null(variant.compact_json)}};
}

Json signature_to_json(const std::optional<wire::ReleaseSignature>& signature) {
  if (!signature) return nullptr;
  return {{"statement", signature->statement}, {"bundle", signature->bundle}, {"key_sets", signature->key_sets}};
}

Json running_to_json(const std::vector<WhereItRuns>& running) {
  Json items = Json::array();
  for (const WhereItRuns& where : running)
    items.push_back({{"version", where.version}, {"digest", text_or_null(where.digest)}, {"devices", where.devices}});
  return items;
}

Json content_to_json(const std::string& model, const ReleaseDraft& content) {
  Json variants = Json::array();
  for (const Variant& variant : content.variants) variants.push_back(variant_to_json(variant));
  return {{"model", model},
          {"version", content.version},
          {"notes", content.notes},
          {"variants", std::move(variants)},
          {"validation", content.validation ? json_or_null(validation_to_json(content.validation)) : Json(nullptr)},
          {"reference", json_or_null(reference_to_json(content.features))},
          {"contract", wire::contract_to_json(content.contract)},
          {"signature", signature_to_json(content.signature)}};
}

}  // namespace

Json withdrawal_to_json(const std::optional<Withdrawal>& withdrawal) {
  if (!withdrawal) return nullptr;
  return {{"at", to_rfc3339(withdrawal->at)}, {"by", withdrawal->by}, {"reason", withdrawal->reason}};
}

Json model_to_json(const Model& model) {
  return {{"name", model.name},
          {"description", model.description},
          {"created_at", to_rfc3339(model.created_at)},
          {"releases", model.releases},
          {"latest_version", text_or_null(model.latest_version)},
          {"running", running_to_json(model.running)}};
}

Json release_to_json(const Release& release) {
  Json json = content_to_json(release.model, release.content);
  json["published_at"] = to_rfc3339(release.published_at);
  json["created_by"] = release.created_by;
  json["created_at"] = to_rfc3339(release.created_at);
  json["running"] = running_to_json(release.running);
  json["withdrawn"] = withdrawal_to_json(release.withdrawn);
  return json;
}

Json draft_to_json(const KeptDraft& draft) {
  Json json = content_to_json(draft.model, draft.content);
  json["created_by"] = draft.created_by;
  json["created_at"] = to_rfc3339(draft.created_at);
  json["updated_by"] = draft.updated_by;
  json["updated_at"] = to_rfc3339(draft.updated_at);
  return json;
}

Result<ModelDraft> parse_model(std::string_view json) {
  ARGOSY_TRY(JsonReader body, JsonReader::parse(json));
  ModelDraft draft;
  body.required("name", draft.name).optional("description", draft.description);
  ARGOSY_CHECK(body.finish());
  return draft;
}

}  // namespace argosy::server

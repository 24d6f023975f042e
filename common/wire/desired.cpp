#include "common/wire/desired.hpp"

#include <algorithm>
#include <set>

#include "common/base/id.hpp"
#include "common/wire/document.hpp"

namespace argosy::wire {

namespace {

constexpr std::size_t max_document_bytes = 1 << 20;
constexpr std::size_t max_models = 64;
constexpr std::size_t max_patches = 64;
constexpr std::size_t max_features = 256;
constexpr int most_attempts = 1'000'000;
constexpr std::string_view desired_name = "the desired document";
constexpr std::string_view model_name = "the desired model";

bool is_digest(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

constexpr std::string_view digest_rule = "must be a SHA-256 of 64 lower-case hex digits";

Json json_of(const BlobRef& blob) {
  return {{"digest", blob.digest}, {"size", blob.size}};
}

Json json_of(const PatchOffer& patch) {
  Json json = {{"base_digest", patch.base_digest}, {"codec", patch.codec}, {"blob", json_of(patch.blob)}};
  if (patch.result) json["result"] = json_of(*patch.result);
  return json;
}

Json json_of(const ProbationSpec& spec) {
  Json json = {{"duration_s", spec.duration_s},
               {"min_observations", spec.min_observations},
               {"min_latency_delta_ms", spec.min_latency_delta_ms},
               {"max_duration_s", spec.max_duration_s}};
  if (spec.max_latency_ratio) json["max_latency_ratio"] = *spec.max_latency_ratio;
  if (spec.max_error_rate) json["max_error_rate"] = *spec.max_error_rate;
  if (spec.too_few_rolls_back) json["too_few"] = "rollback";
  return json;
}

Json json_of(const FeatureReference& feature) {
  return {{"name", feature.name}, {"edges", feature.edges}, {"counts", feature.counts}};
}

Json json_of(const ReleaseSignature& signature) {
  Json json = {{"statement", signature.statement}, {"bundle", signature.bundle}};
  if (!signature.key_sets.empty()) json["key_sets"] = signature.key_sets;
  return json;
}

Json json_of(const PartOffer& part);
Json json_of(const DesiredModel& model);

template <class T>
Json list_of(const std::vector<T>& items) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(json_of(item));
  return list;
}

Json json_of(const PartOffer& part) {
  return {{"name", part.name}, {"artifact", json_of(part.artifact)}, {"patches", list_of(part.patches)}};
}

Json json_of(const DesiredModel& model) {
  Json json = {{"model", model.model},
               {"version", model.version},
               {"rollout", model.rollout},
               {"attempt", model.attempt},
               {"format", model.format},
               {"artifact", json_of(model.artifact)},
               {"patches", list_of(model.patches)},
               {"validation", json_of(model.validation)},
               {"probation", json_of(model.probation)},
               {"features", list_of(model.features)}};
  if (model.selector != Selector{}) json["selector"] = parse_json(encode(model.selector)).value();
  if (model.onnx) json["onnx"] = json_of(*model.onnx);
  if (!model.parts.empty()) json["parts"] = list_of(model.parts);
  if (model.shadow) json["shadow"] = json_of(*model.shadow);
  if (model.signature) json["signature"] = json_of(*model.signature);
  return json;
}

void read_blob(JsonReader& fields, BlobRef& blob) {
  fields.required("digest", blob.digest);
  fields.required("size", blob.size);
  fields.check("digest", is_digest(blob.digest), digest_rule);
}

void read_patch(JsonReader& fields, PatchOffer& patch) {
  fields.required("base_digest", patch.base_digest);
  fields.required("codec", patch.codec);
  fields.check("base_digest", is_digest(patch.base_digest), digest_rule);
  fields.required_object("blob", [&](JsonReader& blob) { read_blob(blob, patch.blob); });
  fields.optional_object("result", [&](JsonReader& blob) { read_blob(blob, patch.result.emplace()); });
}

void read_part(JsonReader& fields, PartOffer& part) {
  fields.required("name", part.name);
  fields.required_object("artifact", [&](JsonReader& blob) { read_blob(blob, part.artifact); });
  fields.objects("patches", max_patches, part.patches, read_patch);
}

void check_parts(JsonReader& fields, const DesiredModel& model) {
  std::vector<std::string_view> names;
  for (const PartOffer& part : model.parts) {
    fields.check("parts", is_part_name(part.name, model.format), part_name_rule);
    names.push_back(part.name);
  }
  fields.check("parts", part_names_differ(names), "must have different names, whatever the case of their letters");
}

void read_probation(JsonReader& fields, ProbationSpec& spec) {
  std::string too_few;
  fields.optional("too_few", too_few);
  spec.too_few_rolls_back = too_few == "rollback";
  fields.optional("duration_s", spec.duration_s);
  fields.optional("min_observations", spec.min_observations);
  fields.optional("max_latency_ratio", spec.max_latency_ratio);
  fields.optional("min_latency_delta_ms", spec.min_latency_delta_ms);
  fields.optional("max_error_rate", spec.max_error_rate);
  fields.optional("max_duration_s", spec.max_duration_s);
}

void read_feature(JsonReader& fields, FeatureReference& feature) {
  fields.required("name", feature.name);
  fields.required("edges", feature.edges);
  fields.optional("counts", feature.counts);
  fields.check("name", is_name(feature.name), name_rule);
  fields.check("edges", std::is_sorted(feature.edges.begin(), feature.edges.end()), "must ascend");
  fields.check("counts", feature.counts.empty() || feature.counts.size() == feature.edges.size() + 2,
               "must hold two more numbers than edges, or none");
}

void read_signature(JsonReader& fields, ReleaseSignature& signature) {
  fields.required_text("statement", max_statement_bytes, signature.statement);
  fields.required_text("bundle", max_bundle_bytes, signature.bundle);
  fields.optional("key_sets", signature.key_sets);
  fields.check("key_sets", signature.key_sets.size() <= max_key_sets, "may hold at most 8 texts");
}

void read_model(JsonReader& fields, DesiredModel& model) {
  fields.required("model", model.model);
  fields.required("version", model.version);
  fields.optional("rollout", model.rollout, 0, INT64_MAX);
  fields.optional("attempt", model.attempt, 0, most_attempts);
  fields.required("format", model.format);
  fields.required_object("artifact", [&](JsonReader& blob) { read_blob(blob, model.artifact); });
  fields.objects("patches", max_patches, model.patches, read_patch);
  fields.objects("parts", max_parts, model.parts, read_part);
  check_parts(fields, model);
  fields.optional_object("validation", [&](JsonReader& spec) { read_validation_spec(spec, model.validation); });
  fields.optional_object("selector", [&](JsonReader& keys) { read_selector(keys, model.selector); });
  fields.optional_object("onnx", [&](JsonReader& reach) { read_reach(reach, model.onnx.emplace()); });
  fields.optional_object("shadow", [&](JsonReader& spec) { read_shadow_spec(spec, model.shadow.emplace()); });
  fields.optional_object("probation", [&](JsonReader& spec) { read_probation(spec, model.probation); });
  fields.objects("features", max_features, model.features, read_feature);
  fields.optional_object("signature",
                         [&](JsonReader& signature) { read_signature(signature, model.signature.emplace()); });
  fields.check("model", is_name(model.model), name_rule);
  fields.check("version", is_version(model.version), version_rule);
  fields.check("format", is_name(model.format), name_rule);
}

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

bool is_part_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '+' || c == '-';
}

}  // namespace

bool is_part_name(std::string_view name, std::string_view format) {
  if (name.empty() || name.size() > max_part_name_bytes || name.front() == '.') return false;
  const std::string lower = in_lower_case(name);
  if (!std::all_of(lower.begin(), lower.end(), is_part_name_byte) || lower.ends_with(".tmp")) return false;
  return lower != "release.json" && lower != "calibration.json" && lower != "wish.json" &&
         lower != "model." + in_lower_case(format);
}

bool part_names_differ(const std::vector<std::string_view>& names) {
  std::set<std::string> seen;
  return std::all_of(names.begin(), names.end(),
                     [&](std::string_view name) { return seen.insert(in_lower_case(name)).second; });
}

std::vector<Part> parts_of(const std::vector<PartOffer>& offers) {
  std::vector<Part> parts;
  for (const PartOffer& offer : offers) parts.push_back({offer.name, offer.artifact});
  return parts;
}

Json json_of(const ValidationSpec& spec) {
  Json json = {{"metric", spec.metric},
               {"direction", spec.higher_is_better ? "higher" : "lower"},
               {"threshold", spec.threshold},
               {"max_memory_mb", spec.max_memory_mb},
               {"timeout_s", spec.timeout_s}};
  if (spec.dataset) json["dataset"] = json_of(*spec.dataset);
  if (spec.max_latency_ms) json["max_latency_ms"] = *spec.max_latency_ms;
  if (spec.max_loss) json["max_loss"] = *spec.max_loss;
  if (spec.max_latency_ratio) json["max_latency_ratio"] = *spec.max_latency_ratio;
  return json;
}

void read_validation_spec(JsonReader& fields, ValidationSpec& spec) {
  fields.optional_object("dataset", [&](JsonReader& blob) { read_blob(blob, spec.dataset.emplace()); });
  std::string direction = "higher";
  fields.optional("metric", spec.metric);
  fields.optional("direction", direction);
  fields.optional("threshold", spec.threshold);
  fields.optional("max_latency_ms", spec.max_latency_ms);
  fields.optional("max_loss", spec.max_loss);
  fields.optional("max_latency_ratio", spec.max_latency_ratio);
  fields.optional("max_memory_mb", spec.max_memory_mb);
  fields.optional("timeout_s", spec.timeout_s);
  fields.check("direction", direction == "higher" || direction == "lower", "must be higher or lower");
  fields.check("metric", is_name(spec.metric), name_rule);
  spec.higher_is_better = direction != "lower";
}

std::string encode(const Desired& desired) {
  return write_json(
      {{"v", protocol_version}, {"device", desired.device}, {"rev", desired.rev}, {"models", list_of(desired.models)}});
}

Result<Desired> decode_desired(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, read_document(json, max_document_bytes, desired_name));
  Desired desired;
  fields.required("device", desired.device);
  fields.required("rev", desired.rev, 0, INT64_MAX);
  fields.objects("models", max_models, desired.models, read_model);
  fields.check("device", is_name(desired.device), name_rule);
  ARGOSY_CHECK(finish(fields, desired_name));
  return desired;
}

std::string encode(const DesiredModel& model) {
  return write_json(json_of(model));
}

Result<DesiredModel> decode_desired_model(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, read_document(json, max_document_bytes, model_name));
  DesiredModel model;
  read_model(fields, model);
  ARGOSY_CHECK(finish(fields, model_name));
  return model;
}

}  // namespace argosy::wire

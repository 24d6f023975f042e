#include "server/models/release.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "common/base/id.hpp"
#include "common/crypto/digest.hpp"
#include "common/json/json_reader.hpp"
#include "common/signing/key_set.hpp"
#include "common/signing/release_signature.hpp"
#include "common/stats/reference.hpp"
#include "common/wire/input_contract.hpp"
#include "common/wire/metric_rule.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

constexpr std::string_view name_rule = "must match [A-Za-z0-9_-]{1,64}";
constexpr std::string_view digest_rule = "must be a lower-case hex SHA-256";

bool is_digest(const std::string& text) {
  const auto digest = Digest::parse(text);
  return digest && digest->to_hex() == text;
}

// Kept as it came: what is in it is between `argosy release compact` and who reads it.
void read_compact(JsonReader& fields, Variant& variant) {
  Json compact;
  fields.optional("compact", compact);
  if (compact.is_null()) return;
  variant.compact_json = compact.dump();
  fields.check("compact", compact.is_object(), "must be an object")
      .check("compact", variant.compact_json.size() <= max_compact_bytes,
             "must be at most " + std::to_string(max_compact_bytes) + " bytes");
}

// What ends a file's name in capitals would go by no device that runs the format, and unchecked.
bool has_capitals(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

void read_parts(JsonReader& fields, Variant& variant) {
  fields.objects("parts", wire::max_parts, [&](JsonReader& item) {
    wire::Part& part = variant.parts.emplace_back();
    item.required("name", part.name)
        .required("digest", part.blob.digest)
        .check("name", wire::is_part_name(part.name, variant.format), wire::part_name_rule)
        .check("digest", is_digest(part.blob.digest), digest_rule);
  });
  std::vector<std::string_view> names;
  for (const wire::Part& part : variant.parts) names.push_back(part.name);
  fields.check("parts", wire::part_names_differ(names),
               "must have different names, whatever the case of their letters");
  std::sort(variant.parts.begin(), variant.parts.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

void read_variant(JsonReader& fields, Variant& variant) {
  read_compact(fields, variant);
  const auto& features = variant.selector.cpu;
  fields.required("name", variant.name)
      .required("digest", variant.digest)
      .required("format", variant.format)
      .optional("priority", variant.priority, -1'000'000, 1'000'000)
      .optional_object("selector", [&](JsonReader& inner) { wire::read_selector(inner, variant.selector); })
      .check("selector", std::all_of(features.begin(), features.end(), wire::is_cpu_feature),
             "names a feature under cpu that no processor is known to have; the CLI's --variant says which there are")
      .check("name", is_name(variant.name), name_rule)
      .check("digest", is_digest(variant.digest), digest_rule)
      .check("format", is_name(variant.format), name_rule)
      .check("format", !has_capitals(variant.format), "is written in small letters, such as onnx");
  read_parts(fields, variant);
}

void read_limits(JsonReader& fields, wire::ValidationSpec& validation) {
  std::string direction = validation.higher_is_better ? "higher" : "lower";
  fields.optional("metric", validation.metric)
      .optional("direction", direction)
      .optional("threshold", validation.threshold)
      .optional("max_latency_ms", validation.max_latency_ms)
      .optional("max_loss", validation.max_loss)
      .optional("max_latency_ratio", validation.max_latency_ratio)
      .optional("max_memory_mb", validation.max_memory_mb, std::uint32_t{1}, std::uint32_t{1'000'000})
      .optional("timeout_s", validation.timeout_s, std::uint32_t{1}, std::uint32_t{86'400})
      .check("metric", is_name(validation.metric), name_rule)
      .check("direction", direction == "higher" || direction == "lower", "must be higher or lower")
      .check("max_latency_ms", validation.max_latency_ms.value_or(1) > 0, "must be over 0")
      .check("max_loss", validation.max_loss.value_or(0) >= 0, "must be 0 or more")
      .check("max_latency_ratio", validation.max_latency_ratio.value_or(1) > 0, "must be over 0");
  validation.higher_is_better = direction == "higher";
}

void read_validation(JsonReader& fields, wire::ValidationSpec& validation) {
  std::string dataset;
  fields.optional("dataset", dataset).check("dataset", dataset.empty() || is_digest(dataset), digest_rule);
  if (!dataset.empty()) validation.dataset = wire::BlobRef{dataset, 0};
  const bool has_direction = fields.has("direction");
  read_limits(fields, validation);
  const auto rule = wire::metric_rule(validation.metric);
  if (rule && !has_direction) validation.higher_is_better = rule->higher_is_better;
  fields.check("threshold", validation.higher_is_better || fields.has("threshold"),
               "is needed where lower values are better");
  const auto contradiction = wire::contradiction_in(validation);
  fields.check("metric", !contradiction, contradiction.value_or(""));
}

void read_feature(JsonReader& fields, wire::FeatureReference& feature) {
  fields.required("name", feature.name).required("edges", feature.edges).optional("counts", feature.counts);
  const bool ascending = std::adjacent_find(feature.edges.begin(), feature.edges.end(),
                                            [](double a, double b) { return !(a < b); }) == feature.edges.end();
  const bool complete = feature.counts.empty() || feature.counts.size() == feature.edges.size() + 2;
  fields.check("name", is_name(feature.name), name_rule)
      .check("edges", !feature.edges.empty() && feature.edges.size() <= max_edges,
             "must hold 1 to " + std::to_string(max_edges) + " numbers")
      .check("edges", ascending, "must ascend")
      .check("counts", complete, "must hold two more numbers than edges: under the first, over the last, and NaN");
}

// Those that were stored before they were looked at are read all the same, and judged by nobody.
void check_counts(JsonReader& fields, const wire::FeatureReference& feature) {
  if (feature.counts.empty()) return;
  const auto fault = fault_of_reference(feature.counts);
  fields.check("counts", !fault, "of \"" + feature.name + "\" " + fault.value_or(""));
}

void read_features(JsonReader& fields, std::vector<wire::FeatureReference>& features) {
  fields.objects("features", max_features, [&](JsonReader& item) { read_feature(item, features.emplace_back()); });
}

void read_new_features(JsonReader& fields, std::vector<wire::FeatureReference>& features) {
  fields.objects("features", max_features, [&](JsonReader& item) {
    read_feature(item, features.emplace_back());
    check_counts(item, features.back());
  });
}

// What the publisher did not say, the reference does.
void complete(InputContract& contract, const std::vector<wire::FeatureReference>& references) {
  for (const auto& [name, edges, counts] : references) {
    const auto is_named = std::any_of(contract.features.begin(), contract.features.end(),
                                      [&name = name](const FeatureContract& given) { return given.name == name; });
    auto made = is_named ? std::nullopt : contract_of(name, edges, counts);
    if (made) contract.features.push_back(std::move(*made));
  }
}

bool names_known(const InputContract& contract, const std::vector<wire::FeatureReference>& references) {
  return std::all_of(contract.features.begin(), contract.features.end(), [&](const FeatureContract& given) {
    return std::any_of(references.begin(), references.end(),
                       [&](const wire::FeatureReference& feature) { return feature.name == given.name; });
  });
}

void read_signature(JsonReader& fields, wire::ReleaseSignature& signature) {
  fields.required_text("statement", wire::max_statement_bytes, signature.statement)
      .required_text("bundle", wire::max_bundle_bytes, signature.bundle)
      .optional("key_sets", signature.key_sets)
      .check("key_sets", signature.key_sets.size() <= wire::max_key_sets,
             "must hold at most " + std::to_string(wire::max_key_sets) + " texts");
}

template <class T>
bool names_differ(const std::vector<T>& items) {
  std::set<std::string> names;
  for (const T& item : items)
    if (!names.insert(item.name).second) return false;
  return true;
}

}  // namespace

Result<ReleaseDraft> parse_release(std::string_view json) {
  ARGOSY_TRY(JsonReader body, JsonReader::parse(json, {.bytes = max_release_bytes}));
  ReleaseDraft draft;
  body.required("version", draft.version)
      .optional("notes", draft.notes)
      .objects("variants", max_variants, [&](JsonReader& item) { read_variant(item, draft.variants.emplace_back()); })
      .optional_object("validation", [&](JsonReader& inner) { read_validation(inner, draft.validation.emplace()); })
      .optional_object("reference", [&](JsonReader& inner) { read_new_features(inner, draft.features); })
      .optional_object("contract", [&](JsonReader& inner) { wire::read_contract(inner, draft.contract); })
      .optional_object("signature", [&](JsonReader& inner) { read_signature(inner, draft.signature.emplace()); })
      .check("version", is_version(draft.version), "must match [A-Za-z0-9_.+-]{1,64} and not begin with a dot")
      .check("variants", !draft.variants.empty(), "must hold at least one variant")
      .check("variants", names_differ(draft.variants), "must have different names")
      .check("reference", names_differ(draft.features), "must name each feature once")
      .check("contract", names_differ(draft.contract.features), "must name each feature once")
      .check("contract", names_known(draft.contract, draft.features), "must name features of the reference alone");
  ARGOSY_CHECK(body.finish());
  complete(draft.contract, draft.features);
  return draft;
}

Result<wire::ReleaseSignature> parse_signature(std::string_view json) {
  ARGOSY_TRY(JsonReader body, JsonReader::parse(json));
  wire::ReleaseSignature signature;
  read_signature(body, signature);
  ARGOSY_CHECK(body.finish());
  return signature;
}

Result<void> check_signature(const ReleaseDraft& draft, std::string_view model) {
  if (!draft.signature) return {};
  ARGOSY_TRY(const auto release, signing::read_signature(*draft.signature));
  for (const std::string& key_set : draft.signature->key_sets) ARGOSY_CHECK(signing::read_key_set(key_set));
  ARGOSY_CHECK(signing::check_is_of(release, model, draft.version));
  for (const Variant& variant : draft.variants)
    ARGOSY_CHECK(signing::covered_file(release, {variant.digest, variant.size}, variant.format, variant.parts));
  return signing::check_validation(release, draft.validation.value_or(wire::ValidationSpec{}));
}

std::vector<std::string> referenced_blobs(const ReleaseDraft& draft) {
  std::set<std::string> digests;
  for (const Variant& variant : draft.variants) {
    digests.insert(variant.digest);
    for (const wire::Part& part : variant.parts) digests.insert(part.blob.digest);
  }
  if (draft.validation && draft.validation->dataset) digests.insert(draft.validation->dataset->digest);
  return {digests.begin(), digests.end()};
}

Result<void> fill_sizes(ReleaseDraft& draft, const std::vector<wire::BlobRef>& blobs) {
  const auto fill = [&](const std::string& digest, std::uint64_t& size, const std::string& what) -> Result<void> {
    const auto found =
        std::find_if(blobs.begin(), blobs.end(), [&](const wire::BlobRef& blob) { return blob.digest == digest; });
    if (found == blobs.end())
      return make_error(Errc::not_found,
                        what + ": there is no blob " + digest + "; PUT /api/v1/blobs/" + digest + " first");
    size = found->size;
    return {};
  };
  for (Variant& variant : draft.variants) {
    const std::string name = "variant '" + variant.name + "'";
    ARGOSY_CHECK(fill(variant.digest, variant.size, name));
    for (wire::Part& part : variant.parts) {
      ARGOSY_CHECK(fill(part.blob.digest, part.blob.size, name + ", part '" + part.name + "'"));
      if (part.blob.size == 0)
        return make_error(Errc::invalid_argument, name + ": its part '" + part.name + "' is empty; leave it out");
    }
  }
  if (draft.validation && draft.validation->dataset)
    ARGOSY_CHECK(fill(draft.validation->dataset->digest, draft.validation->dataset->size, "validation.dataset"));
  return {};
}

std::string validation_to_json(const std::optional<wire::ValidationSpec>& validation) {
  if (!validation) return "{}";
  Json json = {{"dataset", nullptr},
               {"metric", validation->metric},
               {"direction", validation->higher_is_better ? "higher" : "lower"},
               {"threshold", validation->threshold},
               {"max_latency_ms", nullptr},
               {"max_loss", nullptr},
               {"max_latency_ratio", nullptr},
               {"max_memory_mb", validation->max_memory_mb},
               {"timeout_s", validation->timeout_s}};
  if (validation->dataset)
    json["dataset"] = {{"digest", validation->dataset->digest}, {"size", validation->dataset->size}};
  if (validation->max_latency_ms) json["max_latency_ms"] = *validation->max_latency_ms;
  if (validation->max_loss) json["max_loss"] = *validation->max_loss;
  if (validation->max_latency_ratio) json["max_latency_ratio"] = *validation->max_latency_ratio;
  return json.dump();
}

std::string reference_to_json(const std::vector<wire::FeatureReference>& features) {
  Json items = Json::array();
  for (const wire::FeatureReference& feature : features)
    items.push_back({{"name", feature.name}, {"edges", feature.edges}, {"counts", feature.counts}});
  return Json{{"features", std::move(items)}}.dump();
}

std::string key_sets_to_json(const std::vector<std::string>& key_sets) {
  return Json(key_sets).dump();
}

Result<std::vector<std::string>> key_sets_from_json(std::string_view json) {
  ARGOSY_TRY(Json list, parse_json(json));
  ARGOSY_TRY(JsonReader row, JsonReader::of({{"signature_key_sets", std::move(list)}}, "releases"));
  std::vector<std::string> key_sets;
  row.optional("signature_key_sets", key_sets);
  const auto read = row.finish();
  if (!read) return make_error(Errc::corrupt, read.error().message);
  return key_sets;
}

Result<std::optional<wire::ValidationSpec>> validation_from_json(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, JsonReader::parse(json));
  if (!fields.has("metric")) return std::optional<wire::ValidationSpec>{};
  wire::ValidationSpec validation;
  fields.optional_object("dataset", [&](JsonReader& inner) {
    wire::BlobRef& dataset = validation.dataset.emplace();
    inner.required("digest", dataset.digest).required("size", dataset.size);
  });
  read_limits(fields, validation);
  ARGOSY_CHECK(fields.finish());
  return std::optional(std::move(validation));
}

Result<std::vector<wire::FeatureReference>> reference_from_json(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, JsonReader::parse(json));
  std::vector<wire::FeatureReference> features;
  read_features(fields, features);
  ARGOSY_CHECK(fields.finish());
  return features;
}

Result<std::vector<wire::Part>> parts_from_json(std::string_view json) {
  ARGOSY_TRY(Json list, parse_json(json));
  ARGOSY_TRY(JsonReader row, JsonReader::of({{"parts", std::move(list)}}, "variants"));
  std::vector<wire::Part> parts;
  row.objects("parts", wire::max_parts, [&](JsonReader& item) {
    wire::Part& part = parts.emplace_back();
    item.required("name", part.name).required("digest", part.blob.digest).required("size", part.blob.size);
  });
  ARGOSY_CHECK(row.finish());
  return parts;
}

Result<Selector> selector_from_json(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, JsonReader::parse(json));
  Selector selector;
  wire::read_selector(fields, selector);
  ARGOSY_CHECK(fields.finish());
  return selector;
}

}  // namespace argosy::server

#include "common/wire/state.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/base/id.hpp"
#include "common/base/text.hpp"
#include "common/wire/desired.hpp"
#include "common/wire/document.hpp"

namespace argosy::wire {

namespace {

constexpr std::size_t max_document_bytes = 256 << 10;
constexpr std::size_t max_will_bytes = 1 << 10;
constexpr std::size_t max_models = 64;
constexpr std::size_t max_slots = 16;
constexpr std::size_t max_labels = 64;
constexpr std::size_t max_label_bytes = 256;

constexpr std::uint32_t max_health_interval_s = 86400;
constexpr int most_attempts = 1'000'000;
constexpr std::string_view state_name = "the state document";
constexpr std::string_view will_name = "the will";
constexpr std::array<std::string_view, 14> update_states = {
    "idle",       "planning",  "downloading", "patching", "verifying", "validating",   "shadowing",
    "activating", "probation", "committed",   "rejected", "failed",    "rolling_back", "rolled_back"};

template <class T>
void put(Json& json, const char* key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}

Json json_of(const SlotReport& slot) {
  return {{"slot", slot.slot},
          {"role", slot.role},
          {"version", slot.version},
          {"digest", slot.digest},
          {"size", slot.size}};
}

Json json_of(const UpdateReport& update) {
  Json json = {{"rollout", update.rollout},
               {"attempt", update.attempt},
               {"version", update.version},
               {"state", update.state},
               {"progress", update.progress},
               {"source", update.source},
               {"bytes", update.bytes},
               {"full_bytes", update.full_bytes},
               {"cause", update.cause},
               {"message", update.message},
               {"changed_at", to_rfc3339(update.changed_at)}};
  if (update.held) json["held"] = true;
  put(json, "metric_value", update.metric_value);
  put(json, "metric_threshold", update.metric_threshold);
  put(json, "serving_value", update.serving_value);
  put(json, "serving_p95_ms", update.serving_p95_ms);
  put(json, "latency_p95_ms", update.latency_p95_ms);
  put(json, "baseline_p95_ms", update.baseline_p95_ms);
  put(json, "peak_memory_mb", update.peak_memory_mb);
  put(json, "samples", update.samples);
  put(json, "samples_wanted", update.samples_wanted);
  if (update.shadow) json["shadow"] = json_of(*update.shadow);
  return json;
}

Json json_of(const ModelReport& model) {
  Json slots = Json::array();
  for (const SlotReport& slot : model.slots) slots.push_back(json_of(slot));
  Json json = {{"model", model.model}, {"version", model.version}, {"digest", model.digest}, {"slots", slots}};
  if (model.update) json["update"] = json_of(*model.update);
  return json;
}

Json json_of(const HealthSample& sample) {
  Json json = {{"at", to_rfc3339(sample.at)}};
  for (const HealthField& field : health_fields) put(json, field.name, sample.*field.member);
  if (!sample.numbers.empty()) json["numbers"] = sample.numbers;
  return json;
}

Json json_of(const Capabilities& capabilities) {
  Json json = {{"architecture", capabilities.architecture},
               {"accelerators", capabilities.accelerators},
               {"runtimes", capabilities.runtimes},
               {"precisions", capabilities.precisions},
               {"memory_mb", capabilities.memory_mb}};
  if (!capabilities.runtime_versions.empty()) json["runtime_versions"] = capabilities.runtime_versions;
  put(json, capabilities.inventory);
  if (capabilities.takes_parts) json["takes_parts"] = true;
  return json;
}

void read_words(JsonReader& fields, const char* key, std::vector<std::string>& words) {
  fields.optional(key, words);
  const auto is_word = [](const std::string& word) { return word.size() <= most_word_bytes; };
  fields.check(key, words.size() <= most_capabilities && std::all_of(words.begin(), words.end(), is_word),
               "must hold at most 64 words of at most 64 bytes");
}

// What the columns and indexes for versions and digests hold; empty where there is none.
void read_content(JsonReader& fields, std::string& version, std::string& digest) {
  fields.optional("version", version);
  fields.optional_text("digest", most_word_bytes, digest);
  fields.check("version", version.empty() || is_version(version), version_rule);
}

void read_slot(JsonReader& fields, SlotReport& slot) {
  fields.required_text("slot", most_word_bytes, slot.slot);
  fields.required_text("role", most_word_bytes, slot.role);
  read_content(fields, slot.version, slot.digest);
  fields.optional("size", slot.size);
}

void read_update(JsonReader& fields, UpdateReport& update) {
  fields.optional("rollout", update.rollout, 0, INT64_MAX);
  fields.optional("attempt", update.attempt, 0, most_attempts);
  fields.required("version", update.version);
  fields.required("state", update.state);
  fields.optional("progress", update.progress);
  fields.optional_text("source", most_word_bytes, update.source);
  fields.optional("bytes", update.bytes);
  fields.optional("full_bytes", update.full_bytes);
  fields.optional_text("cause", most_word_bytes, update.cause);
  fields.optional("message", update.message);
  fields.optional("held", update.held);
  fields.optional("metric_value", update.metric_value);
  fields.optional("metric_threshold", update.metric_threshold);
  fields.optional("serving_value", update.serving_value);
  fields.optional("serving_p95_ms", update.serving_p95_ms);
  fields.optional("latency_p95_ms", update.latency_p95_ms);
  fields.optional("baseline_p95_ms", update.baseline_p95_ms);
  fields.optional("peak_memory_mb", update.peak_memory_mb);
  fields.optional("samples", update.samples);
  fields.optional("samples_wanted", update.samples_wanted);
  fields.optional_object("shadow", [&](JsonReader& counts) { read_shadow_counts(counts, update.shadow.emplace()); });
  fields.optional("changed_at", update.changed_at);
  fields.check("version", update.version.empty() || is_version(update.version), version_rule);
  update.progress = std::clamp(update.progress, 0.0, 1.0);
  fields.check("state", std::find(update_states.begin(), update_states.end(), update.state) != update_states.end(),
               "is not a state of an update");
}

void read_capabilities(JsonReader& fields, Capabilities& capabilities) {
  fields.optional_text("architecture", most_word_bytes, capabilities.architecture);
  read_words(fields, "accelerators", capabilities.accelerators);
  read_words(fields, "runtimes", capabilities.runtimes);
  read_words(fields, "precisions", capabilities.precisions);
  read_words(fields, "runtime_versions", capabilities.runtime_versions);
  fields.optional("memory_mb", capabilities.memory_mb, 0, most_memory_mb);
  read_inventory(fields, capabilities.inventory);
  fields.optional("takes_parts", capabilities.takes_parts);
}

void read_health(JsonReader& fields, HealthSample& sample) {
  fields.required("at", sample.at);
  for (const HealthField& field : health_fields)
    fields.optional(field.name, sample.*field.member, -largest_reading, largest_reading);
  fields.optional("numbers", sample.numbers);
  fields.check("numbers",
               sample.numbers.size() <= most_numbers && std::all_of(sample.numbers.begin(), sample.numbers.end(),
                                                                    [](const auto& number) {
                                                                      return is_number_name(number.first) &&
                                                                             std::abs(number.second) <= largest_reading;
                                                                    }),
               "must hold at most 16 numbers of at most 10^18 under names of [a-z0-9_]{1,40}");
}

void read_condition(JsonReader& fields, Condition& condition) {
  fields.required_text("kind", most_word_bytes, condition.kind);
  fields.required_text("message", most_fault_bytes, condition.message);
  fields.check("kind", is_name(condition.kind), name_rule);
}

void read_model(JsonReader& fields, ModelReport& model) {
  fields.required("model", model.model);
  read_content(fields, model.version, model.digest);
  fields.objects("slots", max_slots, model.slots, read_slot);
  fields.optional_object("update", [&](JsonReader& update) { read_update(update, model.update.emplace()); });
  fields.check("model", is_name(model.model), name_rule);
}

}  // namespace

bool is_runtime_version(std::string_view text) {
  const auto space = text.rfind(' ');
  return text.size() <= most_word_bytes && space != std::string_view::npos && space > 0 && space + 1 < text.size() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool are_labels(const std::map<std::string, std::string>& labels) {
  const auto is_label = [](const auto& label) {
    return is_name(label.first) && label.second.size() <= max_label_bytes && is_text(label.second);
  };
  return labels.size() <= max_labels && std::all_of(labels.begin(), labels.end(), is_label);
}

Result<Capabilities> decode_capabilities(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, read_document(json, max_document_bytes, "the capabilities"));
  Capabilities capabilities;
  read_capabilities(fields, capabilities);
  ARGOSY_CHECK(finish(fields, "the capabilities"));
  return capabilities;
}

std::string encode(const DeviceState& state) {
  Json models = Json::array();
  for (const ModelReport& model : state.models) models.push_back(json_of(model));
  Json json = {{"v", protocol_version},
               {"device", state.device},
               {"nonce", state.nonce},
               {"rev", state.rev},
               {"agent_version", state.agent_version},
               {"hardware_class", state.hardware_class},
               {"capabilities", json_of(state.capabilities)},
               {"health_interval_s", state.health_interval_s},
               {"at", to_rfc3339(state.at)},
               {"models", std::move(models)}};
  put(json, "download_bytes_per_s", state.download_bytes_per_s);
  if (state.health) json["health"] = json_of(*state.health);
  if (!state.readings_fault.empty()) json["readings_fault"] = state.readings_fault;
  if (state.takes_labels) json["takes_labels"] = true;
  if (state.labels) json["labels"] = *state.labels;
  if (!state.conditions.empty()) {
    Json conditions = Json::array();
    for (const Condition& one : state.conditions) conditions.push_back({{"kind", one.kind}, {"message", one.message}});
    json["conditions"] = std::move(conditions);
  }
  return write_json(json);
}

Result<DeviceState> decode_device_state(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, read_document(json, max_document_bytes, state_name));
  DeviceState state;
  fields.required("device", state.device);
  fields.required("nonce", state.nonce, 0, INT64_MAX);
  fields.optional("rev", state.rev, 0, INT64_MAX);
  fields.optional_text("agent_version", most_word_bytes, state.agent_version);
  fields.optional_text("hardware_class", most_word_bytes, state.hardware_class);
  fields.optional_object("capabilities", [&](JsonReader& inner) { read_capabilities(inner, state.capabilities); });
  fields.optional("download_bytes_per_s", state.download_bytes_per_s);
  fields.optional("health_interval_s", state.health_interval_s, 1, max_health_interval_s);
  fields.optional("at", state.at);
  fields.objects("models", max_models, state.models, read_model);
  fields.optional_object("health", [&](JsonReader& inner) { read_health(inner, state.health.emplace()); });
  fields.optional_text("readings_fault", most_fault_bytes, state.readings_fault);
  fields.optional("takes_labels", state.takes_labels);
  fields.objects("conditions", most_conditions, state.conditions, read_condition);
  fields.optional("labels", state.labels);
  fields.check("labels", !state.labels || are_labels(*state.labels), "must be at most 64 texts of 256 bytes by names");
  fields.check("device", is_name(state.device), name_rule);
  ARGOSY_CHECK(finish(fields, state_name));
  return state;
}

std::string encode(const LastWill& will) {
  auto json = nlohmann::json{{"v", protocol_version}, {"device", will.device}, {"nonce", will.nonce}};
  if (will.goodbye) json["goodbye"] = true;
  return write_json(json);
}

Result<LastWill> decode_last_will(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, read_document(json, max_will_bytes, will_name));
  LastWill will;
  fields.required("device", will.device);
  fields.required("nonce", will.nonce, 0, INT64_MAX);
  fields.optional("goodbye", will.goodbye);
  fields.check("device", is_name(will.device), name_rule);
  ARGOSY_CHECK(finish(fields, will_name));
  return will;
}

}  // namespace argosy::wire

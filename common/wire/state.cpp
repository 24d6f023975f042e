#include "common/wire/state.hpp"

#include <algorithm>
#include <array>

#include "common/base/id.hpp"
#include "common/wire/desired.hpp"
#include "common/wire/json_fields.hpp"

namespace argosy::wire {

namespace {

constexpr std::size_t max_document_bytes = 256 << 10;
constexpr std::size_t max_will_bytes = 1 << 10;
constexpr std::size_t max_models = 64;
constexpr std::size_t max_slots = 16;

constexpr std::string_view name_rule = "must match [A-Za-z0-9_-]{1,64}";
constexpr std::array<std::string_view, 13> update_states = {
    "idle",      "planning",  "downloading", "patching", "verifying",    "validating", "activating",
    "probation", "committed", "rejected",    "failed",   "rolling_back", "rolled_back"};

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
  put(json, "metric_value", update.metric_value);
  put(json, "metric_threshold", update.metric_threshold);
  put(json, "serving_value", update.serving_value);
  put(json, "serving_p95_ms", update.serving_p95_ms);
  put(json, "latency_p95_ms", update.latency_p95_ms);
  put(json, "baseline_p95_ms", update.baseline_p95_ms);
  put(json, "peak_memory_mb", update.peak_memory_mb);
  put(json, "samples", update.samples);
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
  return json;
}

Json json_of(const Capabilities& capabilities) {
  return {{"architecture", capabilities.architecture},
          {"accelerators", capabilities.accelerators},
          {"runtimes", capabilities.runtimes},
          {"precisions", capabilities.precisions},
          {"memory_mb", capabilities.memory_mb}};
}

void read_capabilities(Fields& fields, Capabilities& capabilities) {
  fields.optional("architecture", capabilities.architecture);
  fields.optional("accelerators", capabilities.accelerators);
  fields.optional("runtimes", capabilities.runtimes);
  fields.optional("precisions", capabilities.precisions);
  fields.optional("memory_mb", capabilities.memory_mb);
}

void read_slot(Fields& fields, SlotReport& slot) {
  fields.required("slot", slot.slot);
  fields.required("role", slot.role);
  fields.optional("version", slot.version);
  fields.optional("digest", slot.digest);
  fields.optional("size", slot.size);
}

void read_update(Fields& fields, UpdateReport& update) {
  fields.optional("rollout", update.rollout);
  fields.optional("attempt", update.attempt);
  fields.required("version", update.version);
  fields.required("state", update.state);
  fields.optional("progress", update.progress);
  fields.optional("source", update.source);
  fields.optional("bytes", update.bytes);
  fields.optional("full_bytes", update.full_bytes);
  fields.optional("cause", update.cause);
  fields.optional("message", update.message);
  fields.optional("metric_value", update.metric_value);
  fields.optional("metric_threshold", update.metric_threshold);
  fields.optional("serving_value", update.serving_value);
  fields.optional("serving_p95_ms", update.serving_p95_ms);
  fields.optional("latency_p95_ms", update.latency_p95_ms);
  fields.optional("baseline_p95_ms", update.baseline_p95_ms);
  fields.optional("peak_memory_mb", update.peak_memory_mb);
  fields.optional("samples", update.samples);
  fields.optional("changed_at", update.changed_at);
  fields.check(
      "state",
      [&] { return std::find(update_states.begin(), update_states.end(), update.state) != update_states.end(); },
      "is not a state of an update");
}

void read_health(Fields& fields, HealthSample& sample) {
  fields.required("at", sample.at);
  for (const HealthField& field : health_fields) fields.optional(field.name, sample.*field.member);
}

void read_model(Fields& fields, ModelReport& model) {
  fields.required("model", model.model);
  fields.optional("version", model.version);
  fields.optional("digest", model.digest);
  fields.list("slots", max_slots, model.slots, read_slot);
  fields.object("update", [&](Fields& update) { read_update(update, model.update.emplace()); });
  fields.check(
      "model", [&] { return is_name(model.model); }, name_rule);
}

}  // namespace

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
  return dump(json);
}

Result<DeviceState> decode_device_state(std::string_view json) {
  ARGOSY_TRY(const Json document, parse_document(json, max_document_bytes, "the state document"));
  std::optional<Error> fault;
  DeviceState state;
  Fields fields(document, "", fault);
  fields.required("device", state.device);
  fields.required("nonce", state.nonce);
  fields.optional("rev", state.rev);
  fields.optional("agent_version", state.agent_version);
  fields.optional("hardware_class", state.hardware_class);
  fields.object("capabilities", [&](Fields& inner) { read_capabilities(inner, state.capabilities); });
  fields.optional("download_bytes_per_s", state.download_bytes_per_s);
  fields.optional("health_interval_s", state.health_interval_s);
  fields.optional("at", state.at);
  fields.list("models", max_models, state.models, read_model);
  fields.object("health", [&](Fields& inner) { read_health(inner, state.health.emplace()); });
  fields.check(
      "device", [&] { return is_name(state.device); }, name_rule);
  if (fault) return std::move(*fault).within("the state document");
  return state;
}

std::string encode(const LastWill& will) {
  return dump({{"v", protocol_version}, {"device", will.device}, {"nonce", will.nonce}});
}

Result<LastWill> decode_last_will(std::string_view json) {
  ARGOSY_TRY(const Json document, parse_document(json, max_will_bytes, "the will"));
  std::optional<Error> fault;
  LastWill will;
  Fields fields(document, "", fault);
  fields.required("device", will.device);
  fields.required("nonce", will.nonce);
  fields.check(
      "device", [&] { return is_name(will.device); }, name_rule);
  if (fault) return std::move(*fault).within("the will");
  return will;
}

}  // namespace argosy::wire

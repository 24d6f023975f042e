#include "server/rollouts/rollout_json.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"
#include "server/devices/device.hpp"
#include "server/devices/filter.hpp"
#include "server/models/model_json.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::size_t max_name_bytes = 100;
constexpr std::size_t max_comment_bytes = 500;

json time_or_null(const std::optional<Instant>& at) {
  return at ? json(to_rfc3339(*at)) : json(nullptr);
}
json text_or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

template <class T>
json number_or_null(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json wave_to_json(const WaveRecord& wave) {
  return {{"share", wave.share},
          {"planned", wave.planned},
          {"counts", wave.counts},
          {"probation_too_few", wave.too_few},
          {"opened_at", time_or_null(wave.opened_at)},
          {"bake_started_at", time_or_null(wave.bake_started_at)},
          {"passed_at", time_or_null(wave.passed_at)}};
}

json allowed_to_json(const RolloutRecord& record) {
  const auto now = situation_of(record);
  json allowed = json::object();
  for (const auto operation : all_operations()) {
    const auto reason = refusal(operation, now);
    allowed[std::string(to_string(operation))] = reason ? json(*reason) : json(true);
  }
  return allowed;
}

json planning_to_json(const std::optional<Planning>& planning) {
  if (!planning) return nullptr;
  return {{"done", planning->done}, {"total", number_or_null(planning->total)}};
}

}  // namespace

json rollout_to_json(const RolloutRecord& record) {
  json waves = json::array();
  for (const auto& wave : record.waves) waves.push_back(wave_to_json(wave));
  return {{"id", record.id},
          {"name", record.name},
          {"model", record.model},
          {"version", record.version},
          {"filter", record.filter},
          {"policy", encode(record.policy)},
          {"seed", std::to_string(record.seed)},
          {"state", to_string(record.state)},
          {"reason", record.reason},
          {"fault", text_or_null(record.fault)},
          {"withdrawn", withdrawal_to_json(record.withdrawn)},
          {"wave", record.wave},
          {"etag", std::to_string(record.etag)},
          {"created_by", record.created_by},
          {"approved_by", text_or_null(record.approved_by)},
          {"created_at", to_rfc3339(record.created_at)},
          {"start_at", time_or_null(record.start_at)},
          {"started_at", time_or_null(record.started_at)},
          {"ended_at", time_or_null(record.ended_at)},
          {"promote_all", record.promote_all},
          {"overrides_guards", record.overrides_guards},
          {"standing", record.standing},
          {"stands_since", time_or_null(record.stands_since)},
          {"newcomers", record.newcomers},
          {"counts", total_counts(record)},
          {"waves", waves},
          {"planning", planning_to_json(record.planning)},
          {"bytes", {{"sent", record.bytes_sent}, {"full", record.bytes_full}}},
          {"allowed", allowed_to_json(record)}};
}

json details_to_json(const RolloutDetails& details) {
  auto document = rollout_to_json(details.record);
  document["guards"] = json::array();
  for (const auto& guard : details.guards) document["guards"].push_back(encode(guard));
  document["gate"] = text_or_null(details.gate);
  add_told_at_planning(document, details.record);
  return document;
}

void add_told_at_planning(json& document, const RolloutRecord& record) {
  document["warnings"] = record.warnings;
  document["notes"] = record.notes;
  document["reach"] = record.canary_reach_json.empty() ? json() : json_or_null(record.canary_reach_json);
}

json rollout_device_to_json(const RolloutDeviceRecord& device) {
  return {{"device", device.device},
          {"wave", device.wave},
          {"state", to_string(device.step)},
          {"cause", text_or_null(device.cause)},
          {"message", device.message},
          {"attempt", device.attempt},
          {"source", text_or_null(device.source)},
          {"bytes", number_or_null(device.bytes)},
          {"full_bytes", number_or_null(device.full_bytes)},
          {"numbers", json_or_null(device.numbers_json)},
          {"notified_at", time_or_null(device.notified_at)},
          {"started_at", time_or_null(device.started_at)},
          {"finished_at", time_or_null(device.finished_at)},
          {"retry_at", time_or_null(device.retry_at)},
          {"resting_until", time_or_null(device.resting_until)},
          {"shadow", device.shadow ? wire::json_of(*device.shadow) : json(nullptr)},
          {"joined_at", time_or_null(device.joined_at)}};
}

json decision_to_json(const DecisionRecord& decision) {
  return {{"id", decision.id},
          {"at", to_rfc3339(decision.at)},
          {"actor", decision.actor},
          {"rule", decision.rule},
          {"decision", decision.decision},
          {"message", decision.message},
          {"inputs", json_or_null(decision.inputs_json)}};
}

json assignment_to_json(const DeviceAssignment& one) {
  return {{"model", one.model},
          {"version", one.version},
          {"rollout", one.rollout},
          {"rollout_name", one.rollout_name},
          {"stands", one.stands},
          {"told_version", one.told_version ? json(*one.told_version) : json(nullptr)},
          {"told_at", time_or_null(one.told_at)},
          {"state", one.step ? json(to_string(*one.step)) : json(nullptr)},
          {"cause", text_or_null(one.cause)},
          {"message", one.message},
          {"joined_at", time_or_null(one.joined_at)},
          {"resting_until", time_or_null(one.resting_until)},
          {"why", why(one)}};
}

Result<NewRollout> parse_new_rollout(std::string_view text) {
  NewRollout rollout;
  auto policy = json::object();
  ARGOSY_TRY(auto in, JsonReader::parse(text));
  in.required("name", rollout.name)
      .check("name", !rollout.name.empty() && rollout.name.size() <= max_name_bytes && is_text(rollout.name),
             "must be 1 to " + std::to_string(max_name_bytes) + " bytes of text")
      .required("model", rollout.model)
      .check("model", is_name(rollout.model), "must match [A-Za-z0-9_-]{1,64}")
      .required("version", rollout.version)
      .check("version", is_version(rollout.version), "must be a version such as 1.2.0")
      .optional("filter", rollout.filter)
      .optional("start_at", rollout.start_at)
      .optional("standing", rollout.standing)
      .optional("policy", policy);
  ARGOSY_CHECK(in.finish());
  ARGOSY_CHECK(parse_filter(rollout.filter));
  ARGOSY_TRY(rollout.policy, decode_policy(policy));
  return rollout;
}

Result<RetryWish> parse_retry(std::string_view text) {
  RetryWish wish;
  if (text.empty()) return wish;
  ARGOSY_TRY(auto in, JsonReader::parse(text));
  in.optional("cause", wish.cause)
      .check("cause", wish.cause.empty() || is_known_cause(wish.cause),
             "\"" + shortened(wish.cause) + "\" is no cause of a failure")
      .optional("include_resting", wish.include_resting);
  ARGOSY_CHECK(in.finish());
  return wish;
}

Result<std::optional<Instant>> parse_start(std::string_view text) {
  std::optional<Instant> start_at;
  if (text.empty()) return start_at;
  ARGOSY_TRY(auto in, JsonReader::parse(text));
  in.optional("start_at", start_at);
  ARGOSY_CHECK(in.finish());
  return start_at;
}

Result<PromoteWish> parse_promote(std::string_view text) {
  PromoteWish wish;
  if (text.empty()) return wish;
  ARGOSY_TRY(auto in, JsonReader::parse(text));
  in.optional("all", wish.all)
      .optional("override_guards", wish.override_guards)
      .check("override_guards", wish.all || !wish.override_guards, "goes with all: one wave opens whatever guards say");
  ARGOSY_CHECK(in.finish());
  return wish;
}

Result<std::string> parse_comment(std::string_view text) {
  std::string comment;
  if (text.empty()) return comment;
  ARGOSY_TRY(auto in, JsonReader::parse(text));
  in.optional_text("comment", max_comment_bytes, comment)
      .check("comment", is_text(comment), "must be UTF-8 text without control characters");
  ARGOSY_CHECK(in.finish());
  return comment;
}

Result<std::string> parse_if_match(std::optional<std::string_view> header) {
  if (!header) {
    return make_error(Errc::precondition_required,
                      "send If-Match with the rollout's etag, so that two operators do not cross");
  }
  auto text = *header;
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  const bool digits = !text.empty() && text.size() <= 19 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text != "*" && !digits) {
    return make_error(Errc::precondition_failed, "If-Match '" + shortened(*header) + "' is no etag of a rollout");
  }
  return std::string(text);
}

}  // namespace argosy::server

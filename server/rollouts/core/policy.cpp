#include "server/rollouts/core/policy.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"
#include "server/rollouts/core/rollout.hpp"
#include "server/rollouts/guards/shadow_panel.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::size_t max_criteria = 10;
constexpr std::size_t max_causes = 30;
constexpr std::int64_t one_day_s = 86400;
constexpr std::int64_t thirty_days_s = 30 * one_day_s;
constexpr std::uint32_t most_probation_s = 30 * 86400;
constexpr std::int64_t most_devices = 1'000'000;
constexpr std::int64_t most_in_progress = 100'000;
constexpr std::uint64_t most_samples = 1'000'000'000;
constexpr double least_weight = 0.01, most_weight = 100;
constexpr std::size_t most_guards = 20;
constexpr std::int64_t most_attempts = 20;
constexpr double smallest_share = 1e-6;

constexpr std::array all_targets{Targets::frozen, Targets::dynamic};
constexpr std::array all_canaries{Canary::as_written, Canary::widen};
constexpr std::array reactions{Reaction::pause, Reaction::halt, Reaction::rollback};
constexpr std::array scales{Scale::ratio, Scale::difference};
constexpr std::array directions{WorseWhen::higher, WorseWhen::lower};
constexpr std::array guard_modes{GuardMode::automatic, GuardMode::required, GuardMode::advisory};

// Leaves `into` as it is when the key is absent; a word that is not in the table is an error that lists it.
template <class Table, class Value>
void read_word(JsonReader& in, std::string_view key, const Table& table, Value& into) {
  std::string word(to_string(into));
  in.optional(key, word);
  std::string all;
  bool known = false;
  for (const auto candidate : table) {
    all += (all.empty() ? "" : ", ") + std::string(to_string(candidate));
    if (to_string(candidate) != word) continue;
    into = candidate;
    known = true;
  }
  in.check(key, known, "must be one of " + all);
}

void read_gate(JsonReader& in, GatePolicy& gate) {
  in.optional("min_executed", gate.min_executed, std::int64_t{1}, most_devices)
      .optional("success_share", gate.success_share, 0.0, 1.0)
      .optional("bake_s", gate.bake_s, std::int64_t{0}, thirty_days_s)
      .optional("max_dwell_s", gate.max_dwell_s, std::int64_t{1}, thirty_days_s)
      .optional("manual", gate.manual);
}

bool can_abort(const std::string& cause) {
  return cause == "*" || (is_known_cause(cause) && !is_neutral_cause(cause));
}

void read_criterion(JsonReader& in, std::vector<AbortCriterion>& criteria) {
  AbortCriterion criterion;
  in.required("causes", criterion.causes)
      .check("causes", !criterion.causes.empty() && criterion.causes.size() <= max_causes,
             "must name 1 to " + std::to_string(max_causes) + " causes, or \"*\" for any")
      .optional("min_executed", criterion.min_executed, std::int64_t{1}, most_devices)
      .optional("share", criterion.share, smallest_share, 1.0);
  for (const auto& cause : criterion.causes) {
    in.check("causes", can_abort(cause), "\"" + shortened(cause) + "\" is no failure of a release; use \"*\" for any");
  }
  read_word(in, "action", reactions, criterion.action);
  criteria.push_back(std::move(criterion));
}

void read_retry(JsonReader& in, RetryPolicy& retry) {
  in.required("causes", retry.causes)
      .check("causes", retry.causes.size() <= max_causes, "must name at most " + std::to_string(max_causes) + " causes")
      .optional("max_attempts", retry.max_attempts, std::int64_t{2}, most_attempts)
      .optional("backoff_s", retry.backoff_s, std::int64_t{1}, std::int64_t{86400});
  for (const auto& cause : retry.causes) {
    in.check("causes", can_abort(cause),
             "\"" + shortened(cause) + "\" is no failure that is worth another try; use \"*\" for any");
  }
}

// Under its name or, in documents that are older, under the one that it had.
void read_number(JsonReader& in, std::string_view name, const GuardKey& key, double& into) {
  in.optional(name, into, key.least, key.most);
  if (key.former.empty() || !in.has(key.former)) return;
  in.optional(key.former, into, key.least, key.most);
  in.check(key.former, !in.has(name), "is the former name of " + std::string(name) + ", which is there as well");
}

void read_margins(JsonReader& in, GuardPolicy& guard) {
  const GuardKeys keys = keys_of(guard.metric);
  read_number(in, "rollback_margin", keys.rollback, guard.rollback_margin);
  guard.promotion_margin = std::max(guard.promotion_margin, guard.rollback_margin);
  read_number(in, "promotion_margin", keys.promotion, guard.promotion_margin);
  in.check("promotion_margin", guard.promotion_margin >= guard.rollback_margin,
           "must not be under rollback_margin: what is stopped for its harm cannot pass");
  in.check("promotion_margin", !guard.metric.is_custom() || guard.promotion_margin > 0,
           "must be over 0: no harm is surely under it");
  if (keys.floor.most > 0) read_number(in, "floor", keys.floor, guard.floor);
}

// Of a number that only its programs know nobody else can say what is harm.
void read_custom(JsonReader& in, GuardedMetric& metric) {
  for (const char* key : {"worse", "rollback_margin", "promotion_margin"})
    in.check(key, in.has(key), "is missing: a number of a program has no usual one");
  if (in.has("worse")) read_word(in, "worse", directions, metric.worse);
  read_word(in, "scale", scales, metric.scale);
}

GuardedMetric read_metric(JsonReader& in) {
  std::string name;
  in.required("metric", name);
  auto metric = metric_of(name);
  in.check("metric", metric.has_value(), "must be one of " + metric_names());
  if (!metric) return {};
  if (metric->is_custom()) read_custom(in, *metric);
  return std::move(*metric);
}

void read_guard(JsonReader& in, std::vector<GuardPolicy>& guards) {
  const GuardedMetric metric = read_metric(in);
  for (const auto& earlier : guards) {
    in.check("metric", !earlier.metric.is_same(metric), "has a guard already: one a metric");
  }
  GuardPolicy guard{.metric = metric};
  read_word(in, "mode", guard_modes, guard.mode);
  read_margins(in, guard);
  in.optional("weight", guard.weight, least_weight, most_weight)
      .optional("min_samples", guard.min_samples, std::uint64_t{1}, most_samples);
  read_word(in, "action", reactions, guard.action);
  guards.push_back(std::move(guard));
}

// A limit that may be switched off with null, which the reader takes for absent.
void read_limit(JsonReader& in, const json& document, const char* key, std::optional<double>& into, double low,
                double high) {
  double limit = into.value_or(low);
  in.optional(key, limit, low, high);
  if (in.has(key)) into = limit;
  if (document.contains(key) && document[key].is_null()) into.reset();
}

void read_probation(JsonReader& in, const json& document, wire::ProbationSpec& probation) {
  std::string too_few = probation.too_few_rolls_back ? "rollback" : "commit";
  in.optional("too_few", too_few)
      .check("too_few", too_few == "commit" || too_few == "rollback", "must be commit or rollback");
  probation.too_few_rolls_back = too_few == "rollback";
  in.optional("duration_s", probation.duration_s, 0U, most_probation_s)
      .optional("max_duration_s", probation.max_duration_s, 0U, most_probation_s)
      .optional("min_observations", probation.min_observations, std::uint64_t{0}, most_samples)
      .optional("min_latency_delta_ms", probation.min_latency_delta_ms, 0.0, 1e6);
  read_limit(in, document, "max_latency_ratio", probation.max_latency_ratio, 1, 1000);
  read_limit(in, document, "max_error_rate", probation.max_error_rate, 0, 1);
  probation.max_duration_s = std::max(probation.duration_s, probation.max_duration_s);
}

// A list that is given replaces the default one, an empty one too.
template <class T>
void read_list(JsonReader& in, std::string_view key, std::size_t limit, void (*read_one)(JsonReader&, std::vector<T>&),
               std::vector<T>& list) {
  if (in.has(key)) list.clear();
  in.objects(key, limit, [read_one, &list](JsonReader& one) { read_one(one, list); });
}

bool judges_shadow_runs(const Policy& policy) {
  return std::any_of(policy.guards.begin(), policy.guards.end(),
                     [](const GuardPolicy& guard) { return is_of_shadow_runs(spec_of(guard.metric)); });
}

json encode_guard(const GuardPolicy& guard) {
  json document{{"metric", to_string(guard.metric)},
                {"mode", to_string(guard.mode)},
                {"rollback_margin", guard.rollback_margin},
                {"promotion_margin", guard.promotion_margin},
                {"weight", guard.weight},
                {"min_samples", guard.min_samples},
                {"action", to_string(guard.action)}};
  if (keys_of(guard.metric).floor.most > 0) document["floor"] = guard.floor;
  if (!guard.metric.is_custom()) return document;
  document["worse"] = to_string(guard.metric.worse);
  document["scale"] = to_string(guard.metric.scale);
  return document;
}

json encode_optional(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

}  // namespace

std::string_view to_string(Targets targets) {
  return targets == Targets::dynamic ? "dynamic" : "frozen";
}

std::string_view to_string(Canary canary) {
  return canary == Canary::widen ? "widen" : "as_written";
}

std::string_view to_string(Reaction reaction) {
  switch (reaction) {
    case Reaction::pause:
      return "pause";
    case Reaction::halt:
      return "halt";
    case Reaction::rollback:
      return "rollback";
  }
  return "unknown";
}

std::string_view to_string(GuardMode mode) {
  switch (mode) {
    case GuardMode::automatic:
      return "automatic";
    case GuardMode::required:
      return "required";
    case GuardMode::advisory:
      return "advisory";
  }
  return "unknown";
}

std::optional<GuardMode> guard_mode_named(std::string_view name) {
  for (const auto mode : guard_modes)
    if (to_string(mode) == name) return mode;
  return std::nullopt;
}

std::vector<GuardPolicy> usual_guards(bool has_shadow_runs) {
  std::vector<GuardPolicy> guards;
  for (const auto& spec : guard_specs())
    if (spec.is_usual || (has_shadow_runs && is_of_shadow_runs(spec))) guards.push_back({.metric = spec.metric});
  return guards;
}

bool is_guarded_by(const Policy& policy, GuardSource source) {
  return std::any_of(policy.guards.begin(), policy.guards.end(),
                     [source](const GuardPolicy& guard) { return spec_of(guard.metric).source == source; });
}

Result<Policy> decode_policy(const json& document) {
  Policy policy;
  ARGOSY_TRY(auto in, JsonReader::of(document, "policy"));
  read_waves(in, policy.waves);
  in.optional_object("gate", [&policy](JsonReader& gate) { read_gate(gate, policy.gate); });
  read_list(in, "abort", max_criteria, read_criterion, policy.abort);
  in.optional_object("shadow", [&policy](JsonReader& one) { wire::read_shadow_spec(one, policy.shadow.emplace()); });
  policy.guards = usual_guards(policy.shadow.has_value());
  read_list(in, "guards", most_guards, read_guard, policy.guards);
  in.check("guards", policy.shadow || !judges_shadow_runs(policy),
           "judge shadow runs, and there are none: say shadow, or take these guards out");
  in.optional_object("probation",
                     [&](JsonReader& one) { read_probation(one, document["probation"], policy.probation); });
  in.optional("alpha", policy.alpha, 1e-6, 0.5)
      .optional("look_s", policy.look_s, std::int64_t{1}, one_day_s)
      .optional("warm_up_s", policy.warm_up_s, std::int64_t{0}, one_day_s)
      .optional("silent_after_s", policy.silent_after_s, std::int64_t{1}, thirty_days_s)
      .optional("baseline_s", policy.baseline_s, std::int64_t{1}, thirty_days_s)
      .optional("in_progress_timeout_s", policy.in_progress_timeout_s, std::int64_t{1}, thirty_days_s)
      .check("in_progress_timeout_s", !policy.shadow || policy.in_progress_timeout_s > policy.shadow->max_s,
             "must be over shadow.max_s: a device in a shadow run would be timed out")
      .optional("max_in_progress", policy.max_in_progress, std::int64_t{1}, most_in_progress)
      .optional("max_downloads", policy.max_downloads, std::int64_t{1}, most_in_progress)
      .optional("patch_wait_s", policy.patch_wait_s, std::int64_t{0}, thirty_days_s)
      .optional_object("retry", [&policy](JsonReader& retry) { read_retry(retry, policy.retry); })
      .optional("include_resting", policy.include_resting);
  read_word(in, "targets", all_targets, policy.targets);
  read_word(in, "canary", all_canaries, policy.canary);
  in.optional_object("approval", [&policy](JsonReader& approval) { read_approval(approval, policy.approval); });
  in.optional("start_grace_s", policy.start_grace_s, std::int64_t{0}, thirty_days_s);
  in.optional_object("maintenance", [&policy](JsonReader& one) { read_maintenance(one, policy.maintenance); });
  in.optional_object("pace", [&policy](JsonReader& pace) { read_pace(pace, policy.pace); });
  ARGOSY_CHECK(in.finish());
  return policy;
}

json encode(const Policy& policy) {
  json abort = json::array();
  for (const auto& criterion : policy.abort) {
    abort.push_back({{"causes", criterion.causes},
                     {"min_executed", criterion.min_executed},
                     {"share", criterion.share},
                     {"action", to_string(criterion.action)}});
  }
  json guards = json::array();
  for (const auto& guard : policy.guards) guards.push_back(encode_guard(guard));
  const auto& gate = policy.gate;
  const auto& probation = policy.probation;
  return {{"waves", encode_waves(policy.waves)},
          {"gate",
           {{"min_executed", gate.min_executed},
            {"success_share", gate.success_share},
            {"bake_s", gate.bake_s},
            {"max_dwell_s", gate.max_dwell_s},
            {"manual", gate.manual}}},
          {"abort", abort},
          {"guards", guards},
          {"shadow", policy.shadow ? wire::json_of(*policy.shadow) : json(nullptr)},
          {"probation",
           {{"duration_s", probation.duration_s},
            {"max_duration_s", probation.max_duration_s},
            {"min_observations", probation.min_observations},
            {"too_few", probation.too_few_rolls_back ? "rollback" : "commit"},
            {"max_latency_ratio", encode_optional(probation.max_latency_ratio)},
            {"min_latency_delta_ms", probation.min_latency_delta_ms},
            {"max_error_rate", encode_optional(probation.max_error_rate)}}},
          {"alpha", policy.alpha},
          {"look_s", policy.look_s},
          {"warm_up_s", policy.warm_up_s},
          {"silent_after_s", policy.silent_after_s},
          {"baseline_s", policy.baseline_s},
          {"in_progress_timeout_s", policy.in_progress_timeout_s},
          {"max_in_progress", policy.max_in_progress},
          {"patch_wait_s", policy.patch_wait_s},
          {"retry",
           {{"causes", policy.retry.causes},
            {"max_attempts", policy.retry.max_attempts},
            {"backoff_s", policy.retry.backoff_s}}},
          {"include_resting", policy.include_resting},
          {"targets", to_string(policy.targets)},
          {"canary", to_string(policy.canary)},
          {"maintenance", policy.maintenance ? encode(*policy.maintenance) : json(nullptr)},
          {"approval", {{"required", policy.approval.required}}},
          {"start_grace_s", policy.start_grace_s},
          {"pace", encode(policy.pace)},
          {"max_downloads", policy.max_downloads ? json(*policy.max_downloads) : json(nullptr)}};
}

}  // namespace argosy::server

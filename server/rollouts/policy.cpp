#include "server/rollouts/policy.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "server/rollouts/rollout.hpp"
#include "server/rollouts/strict_object.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::size_t max_waves = 20;
constexpr std::size_t max_criteria = 10;
constexpr std::size_t max_guards = 3;  // one a metric
constexpr std::size_t max_causes = 30;
constexpr std::int64_t thirty_days_s = 30 * 86400;
constexpr double smallest_share = 1e-6;

constexpr std::array reactions{Reaction::pause, Reaction::halt, Reaction::rollback};
constexpr std::array metrics{GuardMetric::latency_p95, GuardMetric::error_rate, GuardMetric::accuracy};

std::string element(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

template <class Table, class Value>
void read_word(StrictObject& object, std::string_view key, const Table& table, Value& into) {
  std::string word(to_string(into));
  object.read(key, word, 64);
  std::string all;
  for (const auto candidate : table) {
    if (to_string(candidate) == word) {
      into = candidate;
      return;
    }
    all += (all.empty() ? "" : ", ") + std::string(to_string(candidate));
  }
  object.fail(Errc::invalid_argument, key, "\"" + word + "\" is none of " + all);
}

Result<std::vector<WavePolicy>> decode_waves(const json& list, const std::string& path) {
  std::vector<WavePolicy> waves;
  for (std::size_t i = 0; i < list.size(); ++i) {
    WavePolicy wave;
    StrictObject object(list[i], element(path, i));
    object.read("share", wave.share, smallest_share, 1);
    if (!waves.empty() && wave.share <= waves.back().share) {
      object.fail(Errc::invalid_argument, "share", "shares are cumulative and must grow from wave to wave");
    }
    ARGOSY_CHECK(object.finish());
    waves.push_back(wave);
  }
  if (waves.empty()) return make_error(Errc::invalid_argument, path + ": at least one wave is needed");
  if (waves.back().share != 1.0) {
    return make_error(Errc::invalid_argument, path + ": the last wave's share must be 1, or some devices get nothing");
  }
  return waves;
}

Result<GatePolicy> decode_gate(const json& document, const std::string& path) {
  GatePolicy gate;
  StrictObject object(document, path);
  object.read_integer("min_executed", gate.min_executed, 1, 1000000);
  object.read("success_share", gate.success_share, 0, 1);
  object.read_integer("bake_s", gate.bake_s, 0, thirty_days_s);
  object.read_integer("max_dwell_s", gate.max_dwell_s, 1, thirty_days_s);
  object.read("manual", gate.manual);
  ARGOSY_CHECK(object.finish());
  return gate;
}

Result<std::vector<std::string>> decode_causes(const json& list, const std::string& path) {
  std::vector<std::string> causes;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_string()) return make_error(Errc::invalid_argument, element(path, i) + ": must be a string");
    auto cause = list[i].get<std::string>();
    const bool known = cause == "*" || (is_known_cause(cause) && !is_neutral_cause(cause));
    if (!known) {
      return make_error(Errc::invalid_argument,
                        element(path, i) + ": \"" + cause + "\" is no failure of a release; use \"*\" for any");
    }
    causes.push_back(std::move(cause));
  }
  if (causes.empty()) return make_error(Errc::invalid_argument, path + ": name at least one cause, or \"*\"");
  return causes;
}

Result<AbortCriterion> decode_criterion(const json& document, const std::string& path) {
  AbortCriterion criterion;
  StrictObject object(document, path);
  object.read_integer("min_executed", criterion.min_executed, 1, 1000000);
  object.read("share", criterion.share, smallest_share, 1);
  read_word(object, "action", reactions, criterion.action);
  const auto* causes = object.array("causes", max_causes);
  ARGOSY_CHECK(object.finish());
  ARGOSY_TRY(criterion.causes, decode_causes(causes == nullptr ? json::array() : *causes, path + ".causes"));
  return criterion;
}

Result<GuardPolicy> decode_guard(const json& document, const std::string& path) {
  GuardPolicy guard;
  std::int64_t min_samples = static_cast<std::int64_t>(guard.min_samples);
  StrictObject object(document, path);
  read_word(object, "metric", metrics, guard.metric);
  switch (guard.metric) {
    case GuardMetric::latency_p95:
      object.read("max_ratio", guard.max_ratio, 1, 1000);
      object.read("min_delta_ms", guard.min_delta_ms, 0, 1e6);
      break;
    case GuardMetric::error_rate:
      object.read("max_increase", guard.max_increase, 0, 1);
      break;
    case GuardMetric::accuracy:
      object.read("max_drop", guard.max_drop, 0, 1);
      break;
  }
  object.read_integer("min_samples", min_samples, 1, 1000000000);
  read_word(object, "action", reactions, guard.action);
  ARGOSY_CHECK(object.finish());
  guard.min_samples = static_cast<std::uint64_t>(min_samples);
  return guard;
}

Result<std::vector<GuardPolicy>> decode_guards(const json& list, const std::string& path) {
  std::vector<GuardPolicy> guards;
  std::set<GuardMetric> seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    ARGOSY_TRY(auto guard, decode_guard(list[i], element(path, i)));
    if (!seen.insert(guard.metric).second) {
      return make_error(Errc::invalid_argument,
                        element(path, i) + ".metric: a second guard of " + std::string(to_string(guard.metric)));
    }
    guards.push_back(guard);
  }
  return guards;
}

Result<wire::ProbationSpec> decode_probation(const json& document, wire::ProbationSpec probation,
                                             const std::string& path) {
  std::int64_t duration_s = probation.duration_s;
  std::int64_t max_duration_s = probation.max_duration_s;
  auto min_observations = static_cast<std::int64_t>(probation.min_observations);
  StrictObject object(document, path);
  object.read_integer("duration_s", duration_s, 0, thirty_days_s);
  object.read_integer("max_duration_s", max_duration_s, 0, thirty_days_s);
  object.read_integer("min_observations", min_observations, 0, 1000000000);
  object.read("max_latency_ratio", probation.max_latency_ratio, 1, 1000);
  object.read("min_latency_delta_ms", probation.min_latency_delta_ms, 0, 1e6);
  object.read("max_error_rate", probation.max_error_rate, 0, 1);
  ARGOSY_CHECK(object.finish());
  probation.duration_s = static_cast<std::uint32_t>(duration_s);
  probation.max_duration_s = static_cast<std::uint32_t>(std::max(duration_s, max_duration_s));
  probation.min_observations = static_cast<std::uint64_t>(min_observations);
  return probation;
}

json encode_guard(const GuardPolicy& guard) {
  json document{
      {"metric", to_string(guard.metric)}, {"min_samples", guard.min_samples}, {"action", to_string(guard.action)}};
  switch (guard.metric) {
    case GuardMetric::latency_p95:
      document["max_ratio"] = guard.max_ratio;
      document["min_delta_ms"] = guard.min_delta_ms;
      break;
    case GuardMetric::error_rate:
      document["max_increase"] = guard.max_increase;
      break;
    case GuardMetric::accuracy:
      document["max_drop"] = guard.max_drop;
      break;
  }
  return document;
}

json encode_optional(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

}  // namespace

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

std::string_view to_string(GuardMetric metric) {
  switch (metric) {
    case GuardMetric::latency_p95:
      return "latency_p95";
    case GuardMetric::error_rate:
      return "error_rate";
    case GuardMetric::accuracy:
      return "accuracy";
  }
  return "unknown";
}

Result<Policy> decode_policy(const json& document) {
  Policy policy;
  StrictObject object(document, "policy");
  const auto* waves = object.array("waves", max_waves);
  const auto* gate = object.object("gate");
  const auto* abort = object.array("abort", max_criteria);
  const auto* guards = object.array("guards", max_guards);
  const auto* probation = object.object("probation");
  object.read_integer("baseline_s", policy.baseline_s, 1, thirty_days_s);
  object.read_integer("in_progress_timeout_s", policy.in_progress_timeout_s, 1, thirty_days_s);
  object.read_integer("max_in_progress", policy.max_in_progress, 1, 100000);
  object.read_integer("patch_wait_s", policy.patch_wait_s, 0, thirty_days_s);
  ARGOSY_CHECK(object.finish());
  if (waves != nullptr) {
    ARGOSY_TRY(policy.waves, decode_waves(*waves, "policy.waves"));
  }
  if (gate != nullptr) {
    ARGOSY_TRY(policy.gate, decode_gate(*gate, "policy.gate"));
  }
  if (guards != nullptr) {
    ARGOSY_TRY(policy.guards, decode_guards(*guards, "policy.guards"));
  }
  if (probation != nullptr) {
    ARGOSY_TRY(policy.probation, decode_probation(*probation, policy.probation, "policy.probation"));
  }
  if (abort == nullptr) return policy;
  policy.abort.clear();
  for (std::size_t i = 0; i < abort->size(); ++i) {
    ARGOSY_TRY(auto criterion, decode_criterion((*abort)[i], element("policy.abort", i)));
    policy.abort.push_back(std::move(criterion));
  }
  return policy;
}

json encode(const Policy& policy) {
  json waves = json::array();
  for (const auto& wave : policy.waves) waves.push_back({{"share", wave.share}});
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
  return {{"waves", waves},
          {"gate",
           {{"min_executed", gate.min_executed},
            {"success_share", gate.success_share},
            {"bake_s", gate.bake_s},
            {"max_dwell_s", gate.max_dwell_s},
            {"manual", gate.manual}}},
          {"abort", abort},
          {"guards", guards},
          {"probation",
           {{"duration_s", probation.duration_s},
            {"max_duration_s", probation.max_duration_s},
            {"min_observations", probation.min_observations},
            {"max_latency_ratio", encode_optional(probation.max_latency_ratio)},
            {"min_latency_delta_ms", probation.min_latency_delta_ms},
            {"max_error_rate", encode_optional(probation.max_error_rate)}}},
          {"baseline_s", policy.baseline_s},
          {"in_progress_timeout_s", policy.in_progress_timeout_s},
          {"max_in_progress", policy.max_in_progress},
          {"patch_wait_s", policy.patch_wait_s}};
}

}  // namespace argosy::server

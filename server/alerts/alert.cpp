#include "server/alerts/alert.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"

namespace argosy::server {

std::string_view to_string(AlertState state) {
  switch (state) {
    case AlertState::ok:
      return "ok";
    case AlertState::pending:
      return "pending";
    case AlertState::firing:
      return "firing";
    case AlertState::resolved:
      return "resolved";
  }
  return "ok";
}

double LatencyBaseline::p95_ms() const {
  return std::exp(ln_p95_mean);
}

namespace {

void learn(const LatencyRule& rule, LatencyBaseline& baseline, const LatencyWindow& window) {
  baseline.windows += 1;
  const auto weight = 1.0 / static_cast<double>(std::min(baseline.windows, rule.baseline_memory));
  baseline.ln_p95_mean += weight * (std::log(window.p95_ms) - baseline.ln_p95_mean);
  baseline.by_hour.learn(window.started_at, std::log(window.p95_ms));
}

// How many of the newest windows open the alert.
std::size_t windows_to_judge(const LatencyRule& rule, const std::vector<LatencyWindow>& recent) {
  std::size_t windows = 0;
  std::uint64_t inferences = 0;
  for (auto window = recent.rbegin(); window != recent.rend(); ++window) {
    if (windows >= rule.open_of && inferences >= rule.open_inferences) break;
    inferences += window->count;
    ++windows;
  }
  return windows;
}

// From here on a window is high.
double high_from_ms(const LatencyRule& rule, const UsualLatency& usual, double ln_sigma) {
  const double by_noise = usual.ms * std::exp(rule.open_z * std::max(ln_sigma, rule.least_sigma));
  const double ratio = usual.is_guess ? std::max(rule.open_ratio, rule.open_ratio_unknown) : rule.open_ratio;
  return std::max({ratio * usual.ms, by_noise, usual.ms + rule.min_delta_ms});
}

// `high_ms` is that of the newest window; one of before the hour may have been usual then.
bool is_high(const LatencyRule& rule, const LatencyBaseline& baseline, double high_ms, const LatencyWindow& window) {
  if (window.p95_ms < high_ms) return false;
  const auto usual_then = baseline.by_hour.ln_at(window.started_at);
  return !usual_then || window.p95_ms >= high_from_ms(rule, {std::exp(*usual_then)}, baseline.by_hour.ln_sigma());
}

struct HighOnes {
  std::size_t high = 0;
  AlertState state = AlertState::ok;
};

HighOnes judge_newest(const LatencyRule& rule, const LatencyBaseline& baseline, double high_ms,
                      const std::vector<LatencyWindow>& recent) {
  const auto run = run_beyond_chance(rule, baseline.high_share);
  const auto newest = std::max(windows_to_judge(rule, recent), std::min(run.of, recent.size()));
  const auto high = static_cast<std::size_t>(
      std::count_if(recent.end() - static_cast<std::ptrdiff_t>(newest), recent.end(),
                    [&](const LatencyWindow& window) { return is_high(rule, baseline, high_ms, window); }));
  if (high == 0) return {};
  const bool enough = high >= run.high && high * rule.open_of >= rule.open_high * newest;
  return {high, enough ? AlertState::firing : AlertState::pending};
}

void learn_high(const LatencyRule& rule, LatencyBaseline& baseline, bool is_high) {
  const auto windows = std::clamp<std::uint64_t>(baseline.windows, 1, rule.high_memory);
  baseline.high_share += ((is_high ? 1 : 0) - baseline.high_share) / static_cast<double>(windows);
}

bool is_calm_again(const LatencyRule& rule, double usual_ms, const std::vector<LatencyWindow>& recent) {
  if (recent.size() < rule.close_after) return false;
  // Of a tenth of a millisecond, half as much again is nobody's concern.
  const double calm_under_ms = std::max(rule.close_ratio * usual_ms, usual_ms + rule.min_delta_ms / 2);
  return std::all_of(recent.end() - static_cast<std::ptrdiff_t>(rule.close_after), recent.end(),
                     [&](const LatencyWindow& window) { return window.p95_ms < calm_under_ms; });
}

}  // namespace

std::optional<UsualLatency> usual_latency_at(const LatencyRule& rule, const LatencyBaseline& baseline,
                                             AlertState present, Instant at) {
  constexpr std::size_t first_hours = 1;  // that are over
  constexpr Duration nearby{15 * 60'000};
  const auto& by_hour = baseline.by_hour;
  if (const auto of_hour = by_hour.ln_at(at)) return UsualLatency{std::exp(*of_hour)};
  const bool is_young = by_hour.hours_known() <= first_hours;
  const auto running = by_hour.running(at);
  const bool has_enough = running.values >= rule.baseline_windows;
  const bool goes_on = is_young || present != AlertState::ok;
  // Before an hour that nobody knows, what rises may be that hour's.
  const bool is_amid = by_hour.running(at + nearby).is_at;
  const auto or_highest = [&](double ln_ms) { return std::exp(std::max(ln_ms, by_hour.highest().value_or(ln_ms))); };
  if (has_enough && (goes_on || (running.is_at && is_amid)))
    return UsualLatency{or_highest(running.ln_mean), !is_young};
  if (goes_on && baseline.windows >= rule.baseline_windows)
    return UsualLatency{or_highest(baseline.ln_p95_mean), !is_young};
  return std::nullopt;
}

HighRun run_beyond_chance(const LatencyRule& rule, double high_share) {
  struct Step {
    HighRun run;
    double ways;
  };
  constexpr std::array<Step, 8> steps{
      {{{2, 3}, 3}, {{3, 4}, 4}, {{4, 5}, 5}, {{5, 7}, 21}, {{6, 8}, 28}, {{7, 9}, 36}, {{8, 10}, 45}, {{10, 10}, 1}}};
  HighRun run{rule.open_high, rule.open_of};
  for (const auto& step : steps) {
    if (step.run.of > std::max(rule.open_of, rule.close_after)) break;  // more are not remembered
    if (step.run.of < rule.open_of) continue;
    if (step.run.of > rule.open_of) run = step.run;
    if (step.ways * std::pow(high_share, static_cast<double>(run.high)) <= rule.open_chance) break;
  }
  return run;
}

LatencyJudgement judge_latency(const LatencyRule& rule, LatencyBaseline& baseline, AlertState present,
                               const std::vector<LatencyWindow>& recent) {
  if (recent.empty() || recent.back().p95_ms <= 0) return {present, 0, 0, 0, 0};
  const LatencyWindow& window = recent.back();
  baseline.until = std::max(baseline.until, window.started_at);
  const auto usual = usual_latency_at(rule, baseline, present, window.started_at);
  if (!usual) {
    learn(rule, baseline, window);
    return {AlertState::ok, window.p95_ms, baseline.p95_ms(), window.p95_ms / baseline.p95_ms(), 0};
  }
  const double high_ms = high_from_ms(rule, *usual, baseline.by_hour.ln_sigma());
  LatencyJudgement judgement{AlertState::ok, window.p95_ms, usual->ms, window.p95_ms / usual->ms, high_ms};
  if (present == AlertState::firing) {
    judgement.state = is_calm_again(rule, usual->ms, recent) ? AlertState::ok : AlertState::firing;
    return judgement;
  }
  const auto newest = judge_newest(rule, baseline, high_ms, recent);
  judgement.state = newest.state;
  // Of one that nobody looks back to from now on.
  if (recent.size() >= rule.close_after) learn_high(rule, baseline, is_high(rule, baseline, high_ms, recent.front()));
  // Alerts that come and go teach how long a stall lasts here.
  if (newest.state == AlertState::firing)
    for (std::size_t i = 0; i < newest.high; ++i) learn_high(rule, baseline, true);
  // A high window must not teach the baseline that it is usual.
  if (judgement.state == AlertState::ok) learn(rule, baseline, window);
  return judgement;
}

AccuracyJudgement judge_accuracy(const AccuracyRule& rule, double threshold, AlertState present,
                                 const AccuracySeen& seen) {
  AccuracyJudgement judgement{.state = present, .labels = seen.newest.labelled};
  if (judgement.labels == 0) return judgement;
  judgement.value = static_cast<double>(seen.newest.correct) / static_cast<double>(judgement.labels);
  judgement.effective_labels = effective_labels(judgement.labels, seen.newest_span_hours, seen.likeness);
  judgement.bounds = wilson_bounds_of_share(judgement.value, judgement.effective_labels, rule.z);
  const bool is_under = judgement.value < threshold;
  if (present == AlertState::firing) {
    if (!is_under && judgement.labels >= rule.min_labels) judgement.state = AlertState::ok;
    return judgement;
  }
  judgement.state = is_under && seen.fall_hours >= rule.hours_between_false_pages ? AlertState::firing : AlertState::ok;
  return judgement;
}

AlertStep next_step(AlertState present, AlertState wanted) {
  const bool wants_firing = wanted == AlertState::firing;
  const bool wants_pending = wanted == AlertState::pending;
  switch (present) {
    case AlertState::ok:
    case AlertState::resolved:
      return wants_firing ? AlertStep::fire : wants_pending ? AlertStep::open_pending : AlertStep::none;
    case AlertState::pending:
      return wants_firing ? AlertStep::fire : wants_pending ? AlertStep::refresh : AlertStep::withdraw;
    case AlertState::firing:
      return wants_firing || wants_pending ? AlertStep::refresh : AlertStep::resolve;
  }
  return AlertStep::none;
}

std::string subject_of(const AlertFinding& finding) {
  if (finding.rollout) return "rollout/" + std::to_string(*finding.rollout);
  return finding.site.empty() ? "device/" + finding.device : "site/" + finding.site;
}

std::string alert_to_json(const Alert& alert) {
  using nlohmann::json;
  const auto number = [](const std::optional<double>& value) { return value ? json(*value) : json(nullptr); };
  const auto id = [](const std::optional<std::int64_t>& one) { return one ? json(*one) : json(nullptr); };
  const auto time = [](const std::optional<Instant>& at) { return at ? json(to_rfc3339(*at)) : json(nullptr); };
  return json{{"id", alert.id},
              {"rule", alert.rule},
              {"severity", alert.severity},
              {"device_id", alert.device.empty() ? json(nullptr) : json(alert.device)},
              {"site", alert.site.empty() ? json(nullptr) : json(alert.site)},
              {"rollout_id", id(alert.rollout)},
              {"rollout", alert.rollout ? json(alert.rollout_name) : json(nullptr)},
              {"group", alert.group},
              {"model", alert.model},
              {"state", to_string(alert.state)},
              {"value", number(alert.value)},
              {"threshold", number(alert.threshold)},
              {"message", alert.message},
              {"details", json_or_null(alert.details_json)},
              {"opened_at", to_rfc3339(alert.opened_at)},
              {"fired_at", time(alert.fired_at)},
              {"resolved_at", time(alert.resolved_at)},
              {"acknowledged_at", time(alert.acknowledged_at)},
              {"acknowledged_by", alert.acknowledged_by.empty() ? json(nullptr) : json(alert.acknowledged_by)},
              {"acknowledgement", alert.acknowledgement},
              {"inhibited_by", id(alert.inhibited_by)},
              {"silenced_by", id(alert.silenced_by)},
              {"flapping", alert.is_flapping},
              {"told_at", time(alert.told_at)},
              {"escalations", alert.escalations}}
      .dump();
}

}  // namespace argosy::server

#include "agent/update/verdict.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "common/wire/metric_rule.hpp"

namespace argosy::agent {

namespace {

using Choice = ProbationVerdict::Choice;

constexpr int strikes_to_roll_back = 2;
constexpr int looks_down_to_roll_back = 3;
constexpr std::uint64_t failures_that_are_no_accident = 3;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

ValidationOutcome refuse(ValidationOutcome outcome, std::string cause, std::string message) {
  outcome.passed = false;
  outcome.cause = std::move(cause);
  outcome.message = std::move(message);
  return outcome;
}

// From argosy-runner's error type to a cause of the protocol.
std::string cause_of_error(const std::string& type) {
  if (type == "malformed-model" || type == "not-found") return "malformed_model";
  if (type == "incompatible" || type == "unavailable") return "incompatible";
  if (type == "timeout") return "validate_timeout";
  return "validate_crashed";
}

bool is_models_fault(const std::string& type) {
  return type != "malformed-dataset" && type != "too-large" && type != "unavailable";
}

// How a measured value misses the threshold, as a sentence; nothing when it does not, or was not measured.
std::optional<std::string> misses_threshold(const wire::ValidationSpec& spec, std::optional<double> value,
                                            const std::string& where) {
  if (!value) return std::nullopt;
  if (spec.higher_is_better ? *value >= spec.threshold : *value <= spec.threshold) return std::nullopt;
  return spec.metric + where + " is " + number(*value) + "; " + (spec.higher_is_better ? "at least " : "at most ") +
         number(spec.threshold) + " is asked for";
}

// So much worse, as a sentence, when it is more than the spec allows; 0.95 - 0.94 is a little over 0.01.
std::optional<std::string> loses_too_much(const wire::ValidationSpec& spec, std::optional<double> value,
                                          std::optional<double> serving, const std::string& where) {
  if (!spec.max_loss || !value || !serving) return std::nullopt;
  const double loss = spec.higher_is_better ? *serving - *value : *value - *serving;
  const double rounding = 1e-9 * std::max({1.0, std::abs(*value), std::abs(*serving)});
  if (loss <= *spec.max_loss + rounding) return std::nullopt;
  return spec.metric + where + " is " + number(*value) + "; the serving version's is " + number(*serving) +
         ", and at most " + number(*spec.max_loss) + " may be lost";
}

std::optional<std::string> is_too_slow(const wire::ValidationSpec& spec, std::optional<double> p95_ms,
                                       std::optional<double> serving_p95_ms) {
  if (!p95_ms) return std::nullopt;
  const std::string is = "latency p95 in validation is " + number(*p95_ms) + " ms; ";
  if (spec.max_latency_ms && *p95_ms > *spec.max_latency_ms)
    return is + "the limit is " + number(*spec.max_latency_ms) + " ms";
  if (spec.max_latency_ratio && serving_p95_ms && *p95_ms > *spec.max_latency_ratio * *serving_p95_ms)
    return is + "the serving version's is " + number(*serving_p95_ms) + " ms, and the limit is " +
           number(*spec.max_latency_ratio) + " times that";
  return std::nullopt;
}

// The first thing that a measurement shows to be wrong with the new version.
std::optional<std::string> fault_in(const wire::ValidationSpec& spec, const RunnerReport& report,
                                    const RunnerReport& serving) {
  const std::string local = " on the device's own data";
  if (report.unusable > 0)
    return "the outputs for " + std::to_string(report.unusable) + " samples hold what is not a number, or not finite";
  if (auto fault = misses_threshold(spec, report.value, "")) return fault;
  if (auto fault = misses_threshold(spec, report.local_value, local)) return fault;
  if (auto fault = loses_too_much(spec, report.value, serving.value, "")) return fault;
  if (auto fault = loses_too_much(spec, report.local_value, serving.local_value, local)) return fault;
  return is_too_slow(spec, report.latency_p95_ms, serving.latency_p95_ms);
}

// Why thresholds relative to the version that serves were not asked of the new one; empty when they were.
std::string left_out(const wire::ValidationSpec& spec, const std::optional<RunnerReport>& serving) {
  using End = RunnerReport::End;
  if (!compares_with_serving(spec)) return {};
  const std::string names = std::string(spec.max_loss ? "max_loss" : "") +
                            (spec.max_loss && spec.max_latency_ratio ? " and " : "") +
                            (spec.max_latency_ratio ? "max_latency_ratio" : "") + " did not apply: ";
  if (!serving) return names + "no version served here";
  const bool measured = serving->value || serving->local_value || serving->latency_p95_ms;
  if (serving->end == End::finished && serving->ok && measured) return {};
  if (serving->end == End::finished && serving->ok) return names + "there was no data set to measure on";
  return names + "the serving version could not be measured" +
         (serving->error_message.empty() ? "" : " (" + serving->error_message + ")");
}

ProbationVerdict roll_back(std::string cause, std::string message) {
  return {Choice::roll_back, true, std::move(cause), std::move(message)};
}

// The first thing that makes the new version worse, as a verdict to roll back.
std::optional<ProbationVerdict> complaint(const wire::ProbationSpec& spec, const Baseline& baseline,
                                          const ProbationTotals& totals) {
  // A version that cannot be loaded is never observed often: the program goes on with the one before.
  if (totals.errors >= failures_that_are_no_accident && totals.errors == totals.observations)
    return roll_back("probation_errors", "all of the first " + std::to_string(totals.errors) + " inferences failed");
  if (totals.observations < spec.min_observations || totals.observations == 0) return std::nullopt;
  const double error_rate = static_cast<double>(totals.errors) / static_cast<double>(totals.observations);
  if (spec.max_error_rate && error_rate > *spec.max_error_rate)
    return roll_back("probation_errors", number(error_rate * 100) + " % of " + std::to_string(totals.observations) +
                                             " inferences failed; the limit is " + number(*spec.max_error_rate * 100) +
                                             " %");
  if (!spec.max_latency_ratio || !baseline.latency_p95_ms || !totals.latency_p95_ms) return std::nullopt;
  const double before = *baseline.latency_p95_ms;
  const double after = *totals.latency_p95_ms;
  if (after <= before * *spec.max_latency_ratio || after - before < spec.min_latency_delta_ms) return std::nullopt;
  return roll_back("probation_latency", "latency p95 is " + number(after) + " ms, was " + number(before) +
                                            " ms; the limit is " + number(*spec.max_latency_ratio) + " times that");
}

}  // namespace

std::string judge_suitability(const wire::DesiredModel& wish, const wire::Capabilities& capabilities) {
  wire::Selector asked = wire::as_far_as_told(wish.selector, capabilities);
  asked.hardware_class.reset();
  std::string reason = wire::mismatch(asked, capabilities, {});
  if (reason.empty()) reason = wire::mismatch(wish.onnx, capabilities);
  return reason.empty() ? reason : "this device cannot run it: it " + reason;
}

bool compares_with_serving(const wire::ValidationSpec& spec) {
  return spec.max_loss || spec.max_latency_ratio;
}

ValidationOutcome judge_validation(const wire::ValidationSpec& spec, const RunnerReport& report,
                                   const std::optional<RunnerReport>& serving) {
  using End = RunnerReport::End;
  const RunnerReport compared = serving && serving->ok ? *serving : RunnerReport{};
  ValidationOutcome outcome;
  outcome.value = report.value;
  outcome.serving_value = compared.value;
  outcome.samples = report.samples;
  outcome.latency_p95_ms = report.latency_p95_ms;
  outcome.serving_p95_ms = compared.latency_p95_ms;
  outcome.peak_memory_mb = report.peak_memory_mb;
  if (report.end == End::not_started) {
    outcome.models_fault = false;
    return refuse(std::move(outcome), "incompatible", report.error_message);
  }
  if (report.end == End::crashed) return refuse(std::move(outcome), "validate_crashed", report.error_message);
  if (report.end == End::timed_out)
    return refuse(std::move(outcome), "validate_timeout",
                  "validation took longer than " + std::to_string(spec.timeout_s) + " s");
  if (!report.ok) {
    outcome.models_fault = is_models_fault(report.error_type);
    return refuse(std::move(outcome), cause_of_error(report.error_type), report.error_message);
  }
  if (auto wrong = wire::contradiction_in(spec)) return refuse(std::move(outcome), "incompatible", std::move(*wrong));
  if (auto fault = fault_in(spec, report, compared))
    return refuse(std::move(outcome), "validate_rejected", std::move(*fault));
  if (spec.dataset && !report.value && wire::metric_rule(spec.metric)->against != wire::MetricRule::Against::nothing)
    return refuse(std::move(outcome), "validate_crashed", "the runner gave no value for " + spec.metric);
  outcome.passed = true;
  outcome.message = left_out(spec, serving);
  return outcome;
}

ProbationVerdict judge_probation(const wire::ProbationSpec& spec, const Baseline& baseline,
                                 const ProbationTotals& totals, int strikes, Duration elapsed) {
  if (totals.program_down) {
    if (strikes + 1 < looks_down_to_roll_back) return {Choice::wait, true, {}, {}};
    return roll_back("probation_crash", "the inference program is not running");
  }
  if (auto worse = complaint(spec, baseline, totals)) {
    if (strikes + 1 < strikes_to_roll_back) worse->choice = Choice::wait;
    return *worse;
  }
  const bool long_enough = elapsed >= std::chrono::seconds(spec.duration_s);
  if (!long_enough) return {};
  if (totals.observations == 0 && baseline.observations > 0)
    return roll_back("probation_crash", "no inference was seen in " + std::to_string(elapsed.count() / 1000) +
                                            " s; the version before had traffic");
  if (totals.observations >= spec.min_observations) return {Choice::commit, false, {}, {}};
  if (elapsed < std::chrono::seconds(spec.max_duration_s)) return {};
  return {spec.too_few_rolls_back ? Choice::roll_back : Choice::commit, false, too_few_observations,
          "too few observations: " + std::to_string(totals.observations) + " of " +
              std::to_string(spec.min_observations) + " inferences in " + std::to_string(elapsed.count() / 1000) +
              " s"};
}

}  // namespace argosy::agent

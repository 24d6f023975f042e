#include "agent/update/verdict.hpp"

#include <cstdio>

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
  if (type == "incompatible") return "incompatible";
  if (type == "timeout") return "validate_timeout";
  return "validate_crashed";
}

bool is_models_fault(const std::string& type) {
  return type != "malformed-dataset";
}

// How a measured value misses the threshold, as a sentence; nothing when it does not, or was not measured.
std::optional<std::string> misses_threshold(const wire::ValidationSpec& spec, std::optional<double> value,
                                            const std::string& where) {
  if (!value) return std::nullopt;
  if (spec.higher_is_better ? *value >= spec.threshold : *value <= spec.threshold) return std::nullopt;
  return spec.metric + where + " is " + number(*value) + "; " + (spec.higher_is_better ? "at least " : "at most ") +
         number(spec.threshold) + " is asked for";
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

ValidationOutcome judge_validation(const wire::ValidationSpec& spec, const RunnerReport& report) {
  using End = RunnerReport::End;
  ValidationOutcome outcome;
  outcome.value = report.value;
  outcome.samples = report.samples;
  outcome.latency_p95_ms = report.latency_p95_ms;
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

  if (spec.dataset && !report.value)
    return refuse(std::move(outcome), "validate_crashed", "the runner gave no value for " + spec.metric);
  if (const auto short_of = misses_threshold(spec, report.value, ""))
    return refuse(std::move(outcome), "validate_rejected", *short_of);
  if (const auto short_of = misses_threshold(spec, report.local_value, " on the device's own data"))
    return refuse(std::move(outcome), "validate_rejected", *short_of);
  if (spec.max_latency_ms && report.latency_p95_ms && *report.latency_p95_ms > *spec.max_latency_ms)
    return refuse(std::move(outcome), "validate_rejected",
                  "latency p95 in validation is " + number(*report.latency_p95_ms) + " ms; the limit is " +
                      number(*spec.max_latency_ms) + " ms");
  outcome.passed = true;
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
  return {Choice::commit,
          false,
          {},
          "committed after " + std::to_string(totals.observations) + " inferences; " +
              std::to_string(spec.min_observations) + " were asked for"};
}

}  // namespace argosy::agent

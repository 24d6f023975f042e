#include "server/rollouts/guards/guard.hpp"

#include <algorithm>
#include <cstdio>

namespace argosy::server {
namespace {

std::string format(const char* pattern, double a, double b, double c) {
  char text[160];
  std::snprintf(text, sizeof text, pattern, a, b, c);
  return text;
}

bool is_harmful(const GuardPolicy& policy, const GuardInput& input, double estimate, double limit) {
  if (policy.metric != GuardMetric::latency_p95) return estimate > limit;
  return estimate > limit && input.canary - input.baseline >= policy.min_delta_ms;
}

double estimate_of(const GuardInput& input) {
  switch (input.metric) {
    case GuardMetric::latency_p95:
      return input.baseline > 0 ? input.canary / input.baseline : 1;
    case GuardMetric::error_rate:
      return input.canary - input.baseline;
    case GuardMetric::accuracy:
      return input.baseline - input.canary;
  }
  return 0;
}

double limit_of(const GuardPolicy& policy) {
  switch (policy.metric) {
    case GuardMetric::latency_p95:
      return policy.max_ratio;
    case GuardMetric::error_rate:
      return policy.max_increase;
    case GuardMetric::accuracy:
      return policy.max_drop;
  }
  return 0;
}

std::string describe(const GuardPolicy& policy, const GuardInput& input, double limit) {
  switch (policy.metric) {
    case GuardMetric::latency_p95:
      return format("p95 latency %.3g ms against %.3g ms before, limit %.3g times", input.canary, input.baseline,
                    limit);
    case GuardMetric::error_rate:
      return format("error rate %.3g against %.3g before, limit +%.3g", input.canary, input.baseline, limit);
    case GuardMetric::accuracy:
      return format("accuracy %.4g against %.4g before, limit -%.3g", input.canary, input.baseline, limit);
  }
  return "";
}

std::string missing(const GuardPolicy& policy, const GuardInput& input) {
  const auto lack = [&policy](std::uint64_t have) { return policy.min_samples - std::min(policy.min_samples, have); };
  return std::string(to_string(policy.metric)) + " needs " + std::to_string(lack(input.canary_samples)) +
         " more samples on the new release and " + std::to_string(lack(input.baseline_samples)) + " on the old one";
}

std::string left_out(const GuardInput& input) {
  if (input.unreadable == 0) return "";
  return "; " + std::to_string(input.unreadable) + " windows cannot be read and are left out";
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::waiting:
      return "waiting";
    case Verdict::unknown:
      return "unknown";
  }
  return "unknown";
}

GuardVerdict judge(const GuardPolicy& policy, const GuardInput& input) {
  GuardVerdict result{.metric = policy.metric,
                      .limit = limit_of(policy),
                      .canary_samples = input.canary_samples,
                      .baseline_samples = input.baseline_samples,
                      .devices = input.devices};
  if (!input.unmeasured.empty()) {
    result.verdict = Verdict::unknown;
    result.message = std::string(to_string(policy.metric)) + " cannot be measured: " + input.unmeasured;
    return result;
  }
  if (input.about_to_be) {
    result.message = std::string(to_string(policy.metric)) + " is about to be measured";
    return result;
  }
  if (input.comparable == 0 && input.first_installs + input.already_there > 0) {
    result.verdict = Verdict::pass;
    result.message = std::string(to_string(policy.metric)) + " has nothing to compare: " +
                     (input.first_installs > 0 ? "no updated device ran an earlier release" : "no device was updated");
    return result;
  }
  if (input.canary_samples < policy.min_samples || input.baseline_samples < policy.min_samples) {
    result.message = missing(policy, input) + left_out(input);
    return result;
  }
  result.estimate = estimate_of(input);
  const bool harmful = is_harmful(policy, input, result.estimate, result.limit);
  result.verdict = harmful ? Verdict::fail : Verdict::pass;
  result.message = describe(policy, input, result.limit) + left_out(input);
  return result;
}

}  // namespace argosy::server

#include "server/rollouts/guards/guard.hpp"

#include <algorithm>
#include <cstdio>

namespace argosy::server {
namespace {

std::string number(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

bool is_harmful(const GuardSpec& spec, const GuardPolicy& policy, const GuardInput& input, double estimate) {
  const double change =
      spec.harm == Harm::higher_figure ? input.canary - input.baseline : input.baseline - input.canary;
  return estimate > policy.limit && change >= policy.least_change;
}

std::string limit_text(const GuardSpec& spec, double limit) {
  if (spec.estimator == Estimator::ratio) return number(limit, 3) + " times";
  return (spec.harm == Harm::higher_figure ? "+" : "-") + number(limit, 3);
}

std::string describe(const GuardSpec& spec, const GuardPolicy& policy, const GuardInput& input) {
  const auto figure = [&spec](double value) { return number(value, spec.digits) + std::string(spec.unit); };
  return std::string(spec.words) + " " + figure(input.canary) + " against " + figure(input.baseline) +
         " before, limit " + limit_text(spec, policy.limit);
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
                      .limit = policy.limit,
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
  const GuardSpec& spec = spec_of(policy.metric);
  result.estimate = estimate_of(spec, input.canary, input.baseline);
  result.verdict = is_harmful(spec, policy, input, result.estimate) ? Verdict::fail : Verdict::pass;
  result.message = describe(spec, policy, input) + left_out(input);
  return result;
}

}  // namespace argosy::server

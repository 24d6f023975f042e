#include "cli/compact_validation.hpp"

#include <algorithm>

#include <unistd.h>

#include "cli/runner_process.hpp"
#include "common/base/bounds.hpp"
#include "common/json/json_look.hpp"
#include "common/wire/metric_rule.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

constexpr long most_threads = 16;
// The publisher's own model on the publisher's own machine: as long and as large as it needs.
constexpr const char* cpu_seconds = "86400";
constexpr const char* max_memory_mb = "1048576";

std::vector<std::string> arguments_of(const Validation& validation, const std::filesystem::path& compact) {
  std::vector<std::string> arguments{"--model", validation.exact, "--compare-with", compact};
  const auto add = [&](const char* flag, const std::string& value) {
    arguments.emplace_back(flag);
    arguments.push_back(value);
  };
  if (validation.dataset.empty()) {
    add("--generate", std::to_string(validation.samples));
    add("--seed", std::to_string(validation.seed));
  } else {
    add("--dataset", validation.dataset);
    add("--metric", validation.metric);
  }
  add("--box", "any");  // the publisher's own models
  add("--threads", std::to_string(std::clamp(::sysconf(_SC_NPROCESSORS_ONLN), 1L, most_threads)));
  add("--cpu-seconds", cpu_seconds);
  add("--max-memory-mb", max_memory_mb);
  return arguments;
}

std::uint64_t count_in(const json& answer, const char* key) {
  const double count = number_in(answer, key).value_or(0);
  return count > 0 ? static_cast<std::uint64_t>(std::min(count, static_cast<double>(largest_count))) : 0;
}

bool loses_too_much(const Validation& validation, const json& metric) {
  if (!validation.max_metric_loss || !metric.is_object()) return false;
  const auto rule = wire::metric_rule(validation.metric);
  const double gain = number_in(metric, "compact").value_or(0) - number_in(metric, "exact").value_or(0);
  return (rule && !rule->higher_is_better ? gain : -gain) > *validation.max_metric_loss;
}

Result<Verdict> judge_by_running(const Validation& validation, const std::filesystem::path& compact) {
  ARGOSY_TRY(const json answer, run_runner(validation.runner, arguments_of(validation, compact)));
  Verdict verdict;
  verdict.agreement = number_in(answer, "agreement");
  if (!verdict.agreement)
    return make_error(Errc::unavailable, validation.runner.string() + " did not compare: is it of this version?");
  verdict.samples = count_in(answer, "samples");
  verdict.predictions = count_in(answer, "predictions");
  verdict.max_difference = number_in(answer, "max_difference");
  const json& metric = member(answer, "metric");
  if (metric.is_object())
    verdict.metric = {{"name", text_in(metric, "name")},
                      {"exact", number_in(metric, "value").value_or(0)},
                      {"compact", number_in(metric, "other").value_or(0)}};
  verdict.accepted = verdict.max_difference && *verdict.agreement >= validation.min_agreement &&
                     !loses_too_much(validation, verdict.metric);
  return verdict;
}

}  // namespace

Result<Verdict> judge(const Validation& validation, const std::filesystem::path& compact, const CompactModel& model) {
  Verdict verdict;
  if (validation.runner.empty()) {
    verdict.max_difference = model.largest_error();
    verdict.accepted = model.relative_error() <= most_weight_error && model.error_of_change() <= most_change_error;
  } else {
    ARGOSY_TRY(verdict, judge_by_running(validation, compact));
  }
  verdict.weight_error = model.relative_error();
  verdict.change_error = model.error_of_change();
  return verdict;
}

json tolerance_of(const Validation& validation) {
  if (validation.runner.empty())
    return {{"agreement", nullptr}, {"weight_error", most_weight_error}, {"change_error", most_change_error}};
  json tolerance{{"agreement", validation.min_agreement}};
  if (validation.max_metric_loss) tolerance["metric_loss"] = *validation.max_metric_loss;
  return tolerance;
}

}  // namespace argosy::cli

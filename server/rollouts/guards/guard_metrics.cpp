#include "server/rollouts/guards/guard_metrics.hpp"

#include <array>
#include <cstddef>

namespace argosy::server {
namespace {

GuardFigure share(std::uint64_t part, std::uint64_t whole) {
  return {whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole), whole};
}

GuardFigure p95_of_latency(const WindowTotals& side) {
  return {side.latency.quantile(0.95).value_or(0), side.latency.count()};
}
GuardFigure share_of_errors(const WindowTotals& side) {
  return share(side.errors, side.count);
}
GuardFigure share_of_correct(const WindowTotals& side) {
  return share(side.correct, side.labelled);
}

constexpr std::array table{
    GuardSpec{.metric = GuardMetric::latency_p95,
              .name = "latency_p95",
              .words = "p95 latency",
              .unit = " ms",
              .digits = 3,
              .source = {.figure = p95_of_latency, .reads_histograms = true},
              .estimator = Estimator::ratio,
              .harm = Harm::higher_figure,
              .limit = {"max_ratio", 1.5, 1, 1000},
              .least_change = {"min_delta_ms", 2, 0, 1e6}},
    GuardSpec{.metric = GuardMetric::error_rate,
              .name = "error_rate",
              .words = "error rate",
              .unit = "",
              .digits = 3,
              .source = {.figure = share_of_errors},
              .estimator = Estimator::difference,
              .harm = Harm::higher_figure,
              .limit = {"max_increase", 0.02, 0, 1}},
    GuardSpec{.metric = GuardMetric::accuracy,
              .name = "accuracy",
              .words = "accuracy",
              .unit = "",
              .digits = 4,
              .source = {.figure = share_of_correct},
              .estimator = Estimator::difference,
              .harm = Harm::lower_figure,
              .limit = {"max_drop", 0.03, 0, 1}},
};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (static_cast<std::size_t>(table[i].metric) != i) return false;
  return true;
}
static_assert(is_in_order(), "a metric finds its row by its value");

}  // namespace

std::span<const GuardSpec> guard_specs() {
  return table;
}

const GuardSpec& spec_of(GuardMetric metric) {
  return table.at(static_cast<std::size_t>(metric));
}

std::string_view to_string(GuardMetric metric) {
  return spec_of(metric).name;
}

double estimate_of(const GuardSpec& spec, double canary, double baseline) {
  const bool is_canary_worse_when_higher = spec.harm == Harm::higher_figure;
  const double worse = is_canary_worse_when_higher ? canary : baseline;
  const double better = is_canary_worse_when_higher ? baseline : canary;
  if (spec.estimator == Estimator::difference) return worse - better;
  return better > 0 ? worse / better : 1;
}

}  // namespace argosy::server

#include "server/rollouts/guards/guard_metrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <utility>

#include "common/wire/numbers.hpp"

namespace argosy::server {
namespace {

using Figure = std::optional<GuardFigure>;

template <int Percent>
Figure latency_at(const Figures& side, const std::string&) {
  const auto value = side.latency.smooth_quantile(Percent / 100.0);
  if (!value) return std::nullopt;
  return GuardFigure{*value, side.latency.count()};
}

Figure share(std::uint64_t part, std::uint64_t whole) {
  const auto rate = rate_of(part, whole);
  if (!rate) return std::nullopt;
  return GuardFigure{*rate, whole};
}
Figure share_of_errors(const Figures& side, const std::string&) {
  return share(side.errors, side.count);
}
Figure share_of_correct(const Figures& side, const std::string&) {
  return share(side.correct, side.labelled);
}

double seconds_of(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}
Figure inferences_a_second(const Figures& side, const std::string&) {
  if (side.exposure <= Duration{0}) return std::nullopt;
  return GuardFigure{static_cast<double>(side.count) / seconds_of(side.exposure), side.count};
}

Figure mean_of(const WeightedMean& mean) {
  const auto value = mean.mean();
  if (!value) return std::nullopt;
  return GuardFigure{*value, static_cast<std::uint64_t>(mean.weight)};
}
Figure memory(const Figures& side, const std::string&) {
  return mean_of(side.memory_mb);
}
Figure temperature(const Figures& side, const std::string&) {
  return mean_of(side.temperature_c);
}
Figure power(const Figures& side, const std::string&) {
  return mean_of(side.power_w);
}
Figure confidence(const Figures& side, const std::string&) {
  return mean_of(side.confidence);
}
Figure drift(const Figures& side, const std::string&) {
  if (!side.drift) return std::nullopt;
  return GuardFigure{side.drift->beyond_sampling, side.drift->samples};
}
Figure broken_contract(const Figures& side, const std::string&) {
  if (!side.contract) return std::nullopt;
  return GuardFigure{side.contract->broken, side.contract->samples};
}
Figure mean_of_number(const Figures& side, const std::string& number) {
  const auto found = side.numbers.find(number);
  return found == side.numbers.end() ? std::nullopt : mean_of(found->second);
}
// Of the whole board, in joules.
Figure energy(const Figures& side, const std::string&) {
  const auto watts = side.power_w.mean();
  if (!watts || side.count == 0) return std::nullopt;
  return GuardFigure{*watts * seconds_of(side.exposure) / static_cast<double>(side.count), side.count};
}

Figure no_figure(const Figures&, const std::string&) {
  return std::nullopt;
}

double part_of(std::uint64_t some, std::uint64_t all) {
  return static_cast<double>(some) / static_cast<double>(all);
}
bool has_labels(const wire::ShadowCounts& counts, std::uint64_t min_samples) {
  return counts.labelled > 0 && counts.labelled >= min_samples;
}
std::optional<PairedFigure> both_right(const wire::ShadowCounts& counts, std::uint64_t min_samples) {
  if (!has_labels(counts, min_samples)) return std::nullopt;
  return PairedFigure{part_of(counts.old_right, counts.labelled), part_of(counts.new_right, counts.labelled)};
}
// Where labels say which version is right, to disagree is no harm.
std::optional<PairedFigure> disagreed(const wire::ShadowCounts& counts, std::uint64_t min_samples) {
  if (has_labels(counts, min_samples) || counts.samples == 0 || counts.samples < min_samples) return std::nullopt;
  return PairedFigure{0, part_of(counts.samples - counts.agreed, counts.samples)};
}

constexpr double most_ratio = 1000;
constexpr GuardKey factor(double standard, std::string_view former = {}) {
  return {standard, 1, most_ratio, former};
}
constexpr GuardKey step(double standard, double most, std::string_view former = {}) {
  return {standard, 0, most, former};
}
constexpr GuardKey no_floor{};

// Of latency and accuracy the simulated figures of docs/rollouts.md are at these margins.
constexpr std::array table{
    GuardSpec{GuardMetric::latency_p95, "latency_p95", "p95 latency", " ms", 3, latency_at<95>, Scale::ratio,
              WorseWhen::higher, Looks::doubling, factor(1.05, "max_ratio"), factor(1.10), step(2, 1e6, "min_delta_ms"),
              20, 0.01, 1, true, GuardSource::windows, "latency"},
    GuardSpec{GuardMetric::error_rate, "error_rate", "error rate", "", 3, share_of_errors, Scale::difference,
              WorseWhen::higher, Looks::doubling, step(0.005, 1, "max_increase"), step(0.02, 1), no_floor, 20, 0.001, 1,
              true},
    GuardSpec{GuardMetric::accuracy, "accuracy", "accuracy", "", 4, share_of_correct, Scale::difference,
              WorseWhen::lower, Looks::towards_the_end, step(0.005, 1, "max_drop"), step(0.02, 1), no_floor, 10, 0.001,
              3, true},
    GuardSpec{GuardMetric::silence, "silence", "share of silent devices", "", 3, nullptr, Scale::difference,
              WorseWhen::higher, Looks::both, step(0.05, 1), step(0.2, 1), no_floor, 1, 0.01, 3, true},
    GuardSpec{GuardMetric::latency_p50, "latency_p50", "median latency", " ms", 3, latency_at<50>, Scale::ratio,
              WorseWhen::higher, Looks::doubling, factor(1.05), factor(1.10), step(2, 1e6), 20, 0.01, 1, false,
              GuardSource::windows, "latency"},
    GuardSpec{GuardMetric::latency_p99, "latency_p99", "p99 latency", " ms", 3, latency_at<99>, Scale::ratio,
              WorseWhen::higher, Looks::doubling, factor(1.10), factor(1.25), step(5, 1e6), 100, 0.01, 1, false,
              GuardSource::windows, "latency"},
    GuardSpec{GuardMetric::throughput, "throughput", "throughput", " /s", 3, inferences_a_second, Scale::ratio,
              WorseWhen::lower, Looks::doubling, factor(1.10), factor(1.25), step(0.1, 1e6), 20, 0.01, 1, false},
    GuardSpec{GuardMetric::energy_per_inference, "energy_per_inference", "energy an inference", " J", 3, energy,
              Scale::ratio, WorseWhen::higher, Looks::doubling, factor(1.10), factor(1.25), step(0, 1e6), 20, 0.01, 1,
              false, GuardSource::health},
    GuardSpec{GuardMetric::power, "power", "power", " W", 3, power, Scale::ratio, WorseWhen::higher, Looks::doubling,
              factor(1.05), factor(1.15), step(0.1, 1e6), 3, 0.01, 1, false, GuardSource::health},
    GuardSpec{GuardMetric::memory_used, "memory_used", "memory used", " MB", 4, memory, Scale::ratio, WorseWhen::higher,
              Looks::towards_the_end, factor(1.10), factor(1.25), step(16, 1e6), 3, 0.01, 1, false,
              GuardSource::health},
    GuardSpec{GuardMetric::cpu_temperature, "cpu_temperature", "CPU temperature", " °C", 3, temperature,
              Scale::difference, WorseWhen::higher, Looks::doubling, step(3, 100), step(8, 100), no_floor, 3, 0.1, 1,
              false, GuardSource::health},
    GuardSpec{GuardMetric::confidence, "confidence", "mean confidence", "", 3, confidence, Scale::difference,
              WorseWhen::lower, Looks::doubling, step(0.02, 1), step(0.05, 1), no_floor, 20, 0.001, 1, false},
    GuardSpec{GuardMetric::drift, "drift", "drift", " PSI", 3, drift, Scale::difference, WorseWhen::higher,
              Looks::towards_the_end, step(0.1, 10), step(0.2, 10), no_floor, 300, 0.01, 1, false,
              GuardSource::features},
    GuardSpec{GuardMetric::input_contract, "input_contract", "inputs outside of the contract", "", 3, broken_contract,
              Scale::difference, WorseWhen::higher, Looks::doubling, step(0.05, 1), step(0.2, 1), no_floor, 60, 0.01, 1,
              false, GuardSource::features},
    GuardSpec{GuardMetric::custom, "custom", "mean", "", 4, mean_of_number, Scale::difference, WorseWhen::higher,
              Looks::doubling, step(0, wire::largest_number), step(0, wire::largest_number), no_floor, 20, 0, 1, false},
    GuardSpec{GuardMetric::shadow_accuracy,
              "shadow_accuracy",
              "accuracy in the shadow run",
              "",
              4,
              no_figure,
              Scale::difference,
              WorseWhen::lower,
              Looks::doubling,
              step(0.005, 1),
              step(0.02, 1),
              no_floor,
              20,
              0.001,
              1,
              false,
              GuardSource::shadow_runs,
              {},
              both_right},
    GuardSpec{GuardMetric::shadow_disagreement,
              "shadow_disagreement",
              "disagreement in the shadow run",
              "",
              3,
              no_figure,
              Scale::difference,
              WorseWhen::higher,
              Looks::doubling,
              step(0.1, 1),
              step(0.2, 1),
              no_floor,
              20,
              0.001,
              1,
              false,
              GuardSource::shadow_runs,
              {},
              disagreed,
              true},
};

constexpr std::string_view custom_prefix = "custom:";

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

GuardedMetric::GuardedMetric(GuardMetric of) : row(of), scale(spec_of(of).scale), worse(spec_of(of).worse) {}

std::string to_string(const GuardedMetric& metric) {
  if (!metric.is_custom()) return std::string(to_string(metric.row));
  return std::string(custom_prefix) + metric.number;
}

std::string words_of(const GuardedMetric& metric) {
  const std::string words(spec_of(metric).words);
  return metric.number.empty() ? words : words + " " + metric.number;
}

std::string_view to_string(Scale scale) {
  return scale == Scale::ratio ? "ratio" : "difference";
}

std::string_view to_string(WorseWhen worse) {
  return worse == WorseWhen::higher ? "higher" : "lower";
}

std::optional<Scale> scale_named(std::string_view name) {
  for (const auto scale : {Scale::ratio, Scale::difference})
    if (to_string(scale) == name) return scale;
  return std::nullopt;
}

std::optional<WorseWhen> worse_named(std::string_view name) {
  for (const auto worse : {WorseWhen::higher, WorseWhen::lower})
    if (to_string(worse) == name) return worse;
  return std::nullopt;
}

std::optional<GuardedMetric> metric_of(std::string_view name) {
  if (name.starts_with(custom_prefix)) {
    GuardedMetric metric(GuardMetric::custom);
    metric.number = name.substr(custom_prefix.size());
    return wire::is_number_name(metric.number) ? std::optional(std::move(metric)) : std::nullopt;
  }
  const auto found = std::find_if(table.begin(), table.end(), [name](const auto& spec) { return spec.name == name; });
  if (found == table.end() || found->metric == GuardMetric::custom) return std::nullopt;
  return GuardedMetric(found->metric);
}

const std::string& metric_names() {
  static const std::string all = [] {
    std::string names;
    for (const GuardSpec& spec : table)
      if (spec.metric != GuardMetric::custom) names += std::string(spec.name) + ", ";
    return names + "or custom:NAME of what a program reports under [a-z0-9_]{1,40}";
  }();
  return all;
}

GuardKeys keys_of(const GuardedMetric& metric) {
  const GuardSpec& spec = spec_of(metric);
  if (metric.scale == spec.scale) return {spec.rollback, spec.promotion, spec.floor};
  return {factor(1), factor(1), step(0, wire::largest_number)};
}

std::optional<double> on_scale(Scale scale, double value) {
  const double scaled = scale == Scale::ratio ? std::log(value) : value;
  if (!std::isfinite(scaled)) return std::nullopt;
  return scaled;
}

std::string change_in_words(Scale scale, double change) {
  char text[32];
  if (scale == Scale::ratio)
    std::snprintf(text, sizeof text, "%.3g times", std::exp(change));
  else
    std::snprintf(text, sizeof text, "%+.3g", change);
  return text;
}

}  // namespace argosy::server

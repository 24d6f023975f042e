#include "cli/validation_flags.hpp"

#include <filesystem>

#include "common/wire/desired.hpp"
#include "common/wire/metric_rule.hpp"

namespace argosy::cli {

using nlohmann::json;

void add_validation_options(CLI::App& command, ValidationFlags& flags) {
  command.add_option("--dataset", flags.dataset,
                     "Validation set that devices try it on first: .npz with arrays x and y (labels, or golden "
                     "outputs), .npy of inputs alone, or a folder of PNG and JPEG files with labels.csv");
  command.add_option("--metric", flags.metric,
                     "What to measure on it: accuracy (default), topK_accuracy, f1, iou, dice, roc_auc, pr_auc, "
                     "average_precision, mae, mse, cosine, max_abs_difference, map, map50, map75, wer, perplexity, "
                     "recall_at_K, exec-NAME for a program of the devices, or none (default of inputs alone)");
  command.add_option("--direction", flags.direction, "Of a metric exec-NAME: which values are better")
      ->check(CLI::IsMember({"higher", "lower"}));
  command.add_option("--threshold", flags.threshold,
                     "Devices refuse the release when its value is worse, which is over this for mae, mse and "
                     "max_abs_difference, and under it for the others");
  command.add_option("--max-loss", flags.max_loss,
                     "How much worse its value may be than that of the version they serve; else devices refuse it");
  command.add_option("--max-latency-ms", flags.max_latency_ms,
                     "Devices refuse it when its p95 in validation is above this");
  command.add_option("--max-latency-ratio", flags.max_latency_ratio,
                     "Devices refuse it when its p95 is more than this many times that of the version they serve");
}

// Inputs alone have no metric.
Result<json> validation_of(const ValidationFlags& flags) {
  if (flags.dataset.empty()) {
    if (!flags.threshold && !flags.max_latency_ms && !flags.max_loss && !flags.max_latency_ratio) return json();
    return make_error(Errc::invalid_argument, "these options need something to measure the model on: name a --dataset");
  }
  const bool inputs_alone = std::filesystem::path(flags.dataset).extension() == ".npy";
  wire::ValidationSpec spec;
  spec.metric = !flags.metric.empty() ? flags.metric : inputs_alone ? "none" : "accuracy";
  const auto rule = wire::metric_rule(spec.metric);
  spec.higher_is_better = flags.direction.empty() ? !rule || rule->higher_is_better : flags.direction == "higher";
  spec.threshold = flags.threshold.value_or(0);
  spec.max_loss = flags.max_loss;
  if (auto wrong = wire::contradiction_in(spec)) return make_error(Errc::invalid_argument, std::move(*wrong));
  if (!spec.higher_is_better && !flags.threshold)
    return make_error(Errc::invalid_argument,
                      "lower values of " + spec.metric + " are better: say the highest that passes with --threshold");
  json validation{{"metric", spec.metric},
                  {"direction", spec.higher_is_better ? "higher" : "lower"},
                  {"threshold", spec.threshold}};
  if (flags.max_latency_ms) validation["max_latency_ms"] = *flags.max_latency_ms;
  if (flags.max_loss) validation["max_loss"] = *flags.max_loss;
  if (flags.max_latency_ratio) validation["max_latency_ratio"] = *flags.max_latency_ratio;
  return {boost::system::in_place_value, std::move(validation)};
}

}  // namespace argosy::cli

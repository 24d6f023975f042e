#include "agent/runner/options.hpp"

#include <charconv>
#include <limits>
#include <string_view>

#include "common/wire/metric_rule.hpp"

namespace argosy::agent {

const char* const runner_usage =
    "usage: argosy-runner --model FILE.onnx [--dataset FILE.npz] [options]\n"
    "Loads a model, measures it on data sets, and prints one JSON object.\n"
    "  --dataset PATH         the release's data set, .npz, .npy or a folder; without any, the model is only loaded\n"
    "  --local-dataset PATH   this device's own data set, reported beside the release's\n"
    "  --metric NAME          accuracy (default), topK_accuracy, f1, iou, dice, roc_auc, pr_auc, average_precision, "
    "mae,\n"
    "                         mse, cosine, max_abs_difference, map, map50, map75, wer, perplexity, recall_at_K,\n"
    "                         exec-NAME or none\n"
    "  --metric-program FILE  judges the answers for exec-NAME: docs/validation.md\n"
    "  --exec PROGRAM         runs the model with this program, for any engine: docs/validation.md\n"
    "  --format NAME          the model's format, for that program, default onnx\n"
    "  --box required|any     any: go on even where the system permits no box, default required\n"
    "  --threads N            1..64, default 1\n"
    "  --warmup N             runs before the clock counts, 0..1000, default 5\n"
    "  --max-memory-mb N      32..1048576, default 512\n"
    "  --cpu-seconds N        1..86400, default 60\n"
    "  --top-worst N          how many of the worst samples' indices to print, 0..1000, default 10\n"
    "  --compare-with FILE    another model: how often both predict the same, on the data set or on generated samples\n"
    "  --generate N           how many of those, 1..1000000, default 1000\n"
    "  --seed N               what they are generated from, or drawn by, 0..2147483647, default 1\n"
    "  --budget-ms N          try no further sample so long after the start; they are drawn at random then, "
    "0..86400000,\n"
    "                         default 0: all are tried, in their order\n"
    "  --samples N            at most so many of the data set, drawn at random, 0..1000000, default 0: all\n"
    "argosy-runner --version names it and ONNX Runtime with their versions, --engine how new a model may be\n"
    "exit status: 0 measured, 1 failed (the JSON says why), 2 wrong usage\n";

namespace {

Error usage_error(std::string message) {
  return make_error(Errc::invalid_argument, std::move(message));
}

Result<int> parse_number(std::string_view flag, std::string_view text, int lowest, int highest) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < lowest || value > highest)
    return usage_error(std::string(flag) + " '" + std::string(text) + "': a number from " + std::to_string(lowest) +
                       " to " + std::to_string(highest) + " is needed");
  return value;
}

Result<void> apply(RunnerOptions& options, std::string_view flag, std::string_view value) {
  struct NumberFlag {
    std::string_view name;
    int RunnerOptions::*field;
    int lowest, highest;
  };
  static constexpr NumberFlag numbers[] = {
      {"--threads", &RunnerOptions::threads, 1, 64},
      {"--warmup", &RunnerOptions::warmup, 0, 1000},
      {"--max-memory-mb", &RunnerOptions::max_memory_mb, 32, 1048576},
      {"--cpu-seconds", &RunnerOptions::cpu_seconds, 1, 86400},
      {"--top-worst", &RunnerOptions::top_worst, 0, 1000},
      {"--generate", &RunnerOptions::generate, 1, 1'000'000},
      {"--seed", &RunnerOptions::seed, 0, std::numeric_limits<int>::max()},
      {"--budget-ms", &RunnerOptions::budget_ms, 0, 86'400'000},
      {"--samples", &RunnerOptions::samples, 0, 1'000'000},
  };
  for (const NumberFlag& number : numbers) {
    if (number.name != flag) continue;
    ARGOSY_TRY(options.*number.field, parse_number(flag, value, number.lowest, number.highest));
    return {};
  }
  if (value.empty()) return usage_error(std::string(flag) + " is empty");
  if (flag == "--model")
    options.model = value;
  else if (flag == "--dataset")
    options.dataset = value;
  else if (flag == "--local-dataset")
    options.local_dataset = value;
  else if (flag == "--compare-with")
    options.compare_with = value;
  else if (flag == "--exec")
    options.exec = value;
  else if (flag == "--format")
    options.format = value;
  else if (flag == "--metric")
    options.metric = value;
  else if (flag == "--metric-program")
    options.metric_program = value;
  else if (flag == "--box" && (value == "required" || value == "any"))
    options.box_required = value == "required";
  else if (flag == "--box")
    return usage_error("--box '" + std::string(value) + "': required or any is needed");
  else
    return usage_error("'" + std::string(flag) + "' is not an option of argosy-runner");
  return {};
}

}  // namespace

Result<RunnerOptions> parse_runner_options(std::span<const char* const> arguments) {
  RunnerOptions options;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) return usage_error("'" + std::string(arguments[i]) + "' needs a value");
    ARGOSY_CHECK(apply(options, arguments[i], arguments[i + 1]));
  }
  if (options.model.empty()) return usage_error("--model is missing");
  if (!wire::metric_rule(options.metric)) return usage_error(wire::unknown_metric(options.metric));
  if (options.exec && options.compare_with)
    return usage_error("--exec does not go with --compare-with: two models are compared by ONNX Runtime");
  if (options.exec && (options.budget_ms > 0 || options.samples > 0))
    return usage_error(
        "--exec does not go with --budget-ms and --samples: a program answers all samples, in their order");
  return options;
}

SamplingBound sampling_bound(const RunnerOptions& options, Deadline::Clock::time_point start) {
  SamplingBound bound;
  bound.seed = static_cast<std::uint64_t>(options.seed);
  if (options.budget_ms > 0) bound.deadline = Deadline(start + std::chrono::milliseconds(options.budget_ms));
  if (options.samples > 0) bound.most = static_cast<std::size_t>(options.samples);
  return bound;
}

}  // namespace argosy::agent

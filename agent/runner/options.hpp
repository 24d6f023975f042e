// The command line of argosy-runner: values with their bounds. Pure; start-up only.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "agent/runner/sampling.hpp"
#include "common/base/error.hpp"

namespace argosy::agent {

struct RunnerOptions {
  std::filesystem::path model;
  std::optional<std::filesystem::path> dataset;        // without any, the model is only loaded
  std::optional<std::filesystem::path> local_dataset;  // this device's own
  std::optional<std::filesystem::path> compare_with;   // another model, compared with `model`
  std::optional<std::filesystem::path> exec;           // a program that runs the model in place of ONNX Runtime
  std::string format = "onnx";                         // of the model; told to that program
  std::string metric = "accuracy";
  std::optional<std::filesystem::path> metric_program;  // of a metric exec-NAME
  bool box_required = true;                             // false: measures in an open box, too
  int threads = 1;                                      // 1..64
  int warmup = 5;                                       // runs before the clock counts, 0..1000
  int max_memory_mb = 512;                              // 32..1048576
  int cpu_seconds = 60;                                 // 1..86400
  int top_worst = 10;                                   // 0..1000
  int generate = 1000;                                  // samples to compare on where there is no data set, 1..1000000
  int seed = 1;                                         // of those, and of samples that are drawn, 0..2147483647
  int budget_ms = 0;  // from the start, after which no further sample is tried, 0..86400000; 0: all are tried
  int samples = 0;    // at most so many of a data set, drawn at random, 0..1000000; 0: all
};

extern const char* const runner_usage;

// Errc::invalid_argument names the flag, the value and what is allowed. `arguments` are those after the program's name.
Result<RunnerOptions> parse_runner_options(std::span<const char* const> arguments);

// What the options bound of a run that started then.
SamplingBound sampling_bound(const RunnerOptions& options, Deadline::Clock::time_point start);

}  // namespace argosy::agent

// Runs argosy-runner on one model, in a process of its own: whatever the model does, the agent only reads the outcome.
// Blocking, up to the time limit: the job thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "agent/update/blob_source.hpp"
#include "agent/update/verdict.hpp"

namespace argosy::agent {

struct RunnerCall {
  std::filesystem::path runner;
  std::filesystem::path model;
  std::optional<std::filesystem::path> dataset;
  std::optional<std::filesystem::path> local_dataset;
  std::optional<std::filesystem::path> program;  // runs models of this format in place of ONNX Runtime
  std::string format = "onnx";
  std::string metric;
  std::optional<std::filesystem::path> metric_program;  // of a metric exec-NAME, as the device's owner has it
  std::uint32_t max_memory_mb = 1024;
  std::uint32_t timeout_s = 300;
  bool open_box = false;  // measure where the system permits no box, too
};

RunnerReport run_runner(const RunnerCall& call, const StopFlag& stop);

// The runner's JSON; Errc::malformed_json when it is none.
Result<RunnerReport> parse_runner_output(std::string_view text);

}  // namespace argosy::agent

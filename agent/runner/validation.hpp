// A model loaded, and measured on data sets: all of argosy-runner as one function from options to its JSON. One thread.
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "agent/runner/options.hpp"

namespace argosy::agent {

// {"ok": true, "metric", "value", "samples", "samples_in_set", "correct", "unusable", "latency_ms", "load_ms",
//  "peak_memory_mb", "worst", "calibration", "local", "inputs", "outputs"}, what belongs to a data set only where there
//  is one; or {"ok": false, "error":
//  {"type", "message"}}. Numbers, never data. Never throws.
nlohmann::json validate(const RunnerOptions& options) noexcept;

nlohmann::json validation_failure(std::string_view type, std::string_view message);

// main() without the process's end: limits, validate, print. Returns the exit code.
int run_argosy_runner(int argc, const char* const* argv);

}  // namespace argosy::agent

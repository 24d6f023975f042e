// Runs samples through a program that knows an engine of its own: the contract of docs/validation.md. The program lives
// in this process's box and ends with it. Blocking; one thread. Limits: a line of 16 MiB, a line a sample and one more.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "agent/runner/answer.hpp"
#include "agent/runner/dataset.hpp"
#include "common/base/error.hpp"

namespace argosy::agent {

struct ProgramJob {
  std::filesystem::path program;
  std::filesystem::path model;
  std::string format;  // "tflite"
  int threads = 1;
  int warmup = 0;
};

struct ProgramRun {
  double load_ms = 0;
  double peak_memory_mb = 0;  // of the program and of what it waited for
};

using TakeAnswer = std::function<Result<void>(std::size_t sample, const Answer& answer, double latency_ms)>;

// Without `data` the program only loads the model. Errc::malformed_model, incompatible and corrupt are the program's
// own words; Errc::timeout when it used up its CPU time, unavailable when it cannot be started, io when it broke the
// contract.
Result<ProgramRun> run_program(const ProgramJob& job, const Dataset* data, const TakeAnswer& take);

}  // namespace argosy::agent

// Whether a compact model may stand for the exact one: both tried by argosy-runner, or, where there is nothing to run,
// by how far its weights lie from the exact ones. Blocking.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "common/compact/compact_model.hpp"

namespace argosy::cli {

// By weights alone: the error may be as large as this part of the weights, and of the change that training made, both
// as roots of mean squares.
constexpr double most_weight_error = 0.02;
constexpr double most_change_error = 0.15;

struct Validation {
  std::filesystem::path runner;  // empty: by weights alone
  std::filesystem::path exact;
  std::string dataset;  // empty: on generated samples
  std::string metric = "accuracy";
  int samples = 1000;
  int seed = 1;
  double min_agreement = 0.995;
  std::optional<double> max_metric_loss;
};

struct Verdict {
  std::uint64_t samples = 0;
  std::optional<double> agreement;       // none: by weights alone
  std::optional<double> max_difference;  // of outputs, else of weights; none: not a number
  nlohmann::json metric;                 // {"name", "exact", "compact"} or null
  std::uint64_t predictions = 0;         // different ones of the exact model
  double weight_error = 0, change_error = 0;
  bool accepted = false;
};

Result<Verdict> judge(const Validation& validation, const std::filesystem::path& compact, const CompactModel& model);

// As reports have it: what was asked for.
nlohmann::json tolerance_of(const Validation& validation);

}  // namespace argosy::cli

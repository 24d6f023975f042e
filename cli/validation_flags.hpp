// What a release asks of its devices, as flags: the same for `release publish` and `sign`. Pure.
#pragma once

#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "common/base/error.hpp"

namespace argosy::cli {

struct ValidationFlags {
  std::string dataset, metric, direction;
  std::optional<double> threshold, max_latency_ms, max_loss, max_latency_ratio;
};

void add_validation_options(CLI::App& command, ValidationFlags& flags);

// "validation" of the release's document, without its data set; null without any flag. Errc::invalid_argument for what
// contradicts itself, and for limits with nothing to measure the model on.
Result<nlohmann::json> validation_of(const ValidationFlags& flags);

}  // namespace argosy::cli

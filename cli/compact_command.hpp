// `argosy release compact`: makes, of a new model and the base that devices have, a model whose patch is small, and
// proves it against the exact one. On this machine, without a server.
#pragma once

#include <optional>

#include "cli/command.hpp"

namespace argosy::cli {

struct CompactFlags {
  std::string base, exact, out, report, dataset, runner;
  std::string bits = "auto";
  std::string metric = "accuracy";
  int samples = 1000;
  int seed = 1;
  double min_agreement = 0.995;
  std::optional<double> max_metric_loss;
  bool weights_only = false;
};

Result<int> release_compact(const OutputOptions& output, const CompactFlags& flags);

void add_compact_command(CLI::App& release, Context& context);

}  // namespace argosy::cli

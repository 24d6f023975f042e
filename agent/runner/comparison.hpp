// Two models on the same samples, those of a data set or generated ones: how often they say the same. One thread.
#pragma once

#include <nlohmann/json.hpp>

#include "agent/runner/options.hpp"

namespace argosy::agent {

// {"ok": true, "samples", "agreement", "max_difference", "largest_score", "predictions", "metric": {"name", "value",
//  "other"} or null, "seed": of generated samples or null, "sample_shape"}. `options.compare_with` is set.
Result<nlohmann::json> compare_models(const RunnerOptions& options);

}  // namespace argosy::agent

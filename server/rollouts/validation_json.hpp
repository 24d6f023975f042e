// What devices measured in validation, as the API and the evidence show it (docs/protocol.md). Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "server/rollouts/core/validation_numbers.hpp"

namespace argosy::server {

// {"measured", "smallest", "median", "largest", "histogram": [{"from", "to", "devices"}]}
nlohmann::json metric_values_to_json(const MetricValues& values);
// The same, with the metric, its threshold and who missed it.
nlohmann::json validation_numbers_to_json(const ValidationNumbers& numbers);

}  // namespace argosy::server

#include "server/rollouts/validation_json.hpp"

#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

using nlohmann::json;

json value_or_null(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

}  // namespace

json metric_values_to_json(const MetricValues& values) {
  json bins = json::array();
  for (const auto& bin : values.histogram)
    bins.push_back({{"from", bin.from}, {"to", bin.to}, {"devices", bin.devices}});
  return {{"measured", values.measured},
          {"smallest", value_or_null(values.smallest)},
          {"median", value_or_null(values.median)},
          {"largest", value_or_null(values.largest)},
          {"histogram", std::move(bins)}};
}

json validation_numbers_to_json(const ValidationNumbers& numbers) {
  json document = metric_values_to_json(numbers.values);
  document["metric"] = numbers.metric.empty() ? json(nullptr) : json(numbers.metric);
  document["threshold"] = value_or_null(numbers.threshold);
  document["higher_is_better"] = numbers.higher_is_better;
  document["missed"] = numbers.missed;
  return document;
}

}  // namespace argosy::server

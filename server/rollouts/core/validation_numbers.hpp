// What the devices of a rollout measured of the release's metric before it served there: a histogram of as many bins
// whatever the fleet, beside the threshold. Pure data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace argosy::server {

struct MetricBin {
  double from = 0, to = 0;
  std::int64_t devices = 0;
};

struct MetricValues {
  std::int64_t measured = 0;  // devices that told a value
  std::optional<double> smallest, median, largest;
  std::vector<MetricBin> histogram;  // of equal widths, from the smallest to the largest; one where these are the same
};

struct ValidationNumbers {
  std::string metric;               // empty: the release asks for no validation
  std::optional<double> threshold;  // likewise
  bool higher_is_better = true;
  std::int64_t missed = 0;  // devices whose value misses the threshold
  MetricValues values;
};

}  // namespace argosy::server

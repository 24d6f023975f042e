// Percentiles of a run's latencies. Pure; any thread.
#pragma once

#include <vector>

namespace argosy::agent {

struct LatencySummary {
  double mean = 0, p50 = 0, p95 = 0, p99 = 0;  // in the values' unit; zero for no values
};

// Nearest-rank percentiles: the smallest value that at least p % of all values do not exceed.
LatencySummary summarise(std::vector<double> values);

}  // namespace argosy::agent

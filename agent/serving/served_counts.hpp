// From what a model server publishes to what a version did between two looks. Pure.
// Triton counts inferences and the sum of their times: a mean. OpenVINO Model Server has a histogram by version,
// TensorFlow Serving one by model: it does not say which version answered.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "agent/serving/server_dialect.hpp"
#include "common/stats/log_histogram.hpp"

namespace argosy::agent {

// Since the server's start; microseconds.
struct ServedCounts {
  double succeeded = 0;
  double failed = 0;
  double total_us = 0;                  // of those that succeeded
  std::map<double, double> at_most_us;  // how many took no longer; the last bound is infinite; empty: no histogram
  double timed = 0;                     // how many are in the histogram
};

// By model and version number; number 0: the server does not say.
using ServedByVersion = std::map<std::pair<std::string, std::uint64_t>, ServedCounts>;

// Only the named models; anything else in the text is passed over.
ServedByVersion read_served(ServerKind kind, std::string_view metrics, const std::set<std::string>& models);

struct ServedSince {
  std::uint64_t count = 0;  // errors among them
  std::uint64_t errors = 0;
  LogHistogram latency_ms;
};

// Counters that went back are those of a server that was started anew: they count from zero. Within a bucket of the
// server's histogram times are taken as evenly spread, as Prometheus does; those over its last bound as that bound.
ServedSince served_since(const ServedCounts& before, const ServedCounts& now);

}  // namespace argosy::agent

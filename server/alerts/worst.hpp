// The worst of the fleet, from what alerts remember: what the overview shows. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "server/alerts/pair_alerts.hpp"

namespace argosy::server {

struct WorstPair {
  WatchedPair pair;
  std::string version;
  double value = 0;                        // p95 in ms, or the share correct
  std::optional<double> usual;             // the device's own usual p95, or the release's threshold
  Instant at{};                            // of the newest window in it
  std::optional<ShareBounds> bounds = {};  // of the share: Wilson's 95 % interval on the labels' effective number
};

struct WorstOptions {
  std::size_t most = 10;
  Duration latency_look{180'000};                 // windows no older than this
  Duration accuracy_look = labels_are_fresh_for;  // labels no older than this
  std::uint64_t min_labels = 20;
};

// Offered every pair that is remembered, keeps the worst: what it costs beside the visit is the same for any fleet.
class WorstLists {
 public:
  WorstLists(WorstOptions options, Instant now) : options_(options), now_(now) {}
  void offer(const WatchedPair& pair, const PairAlerts& memory);

  // The newest window of each pair, the one slowest against its own usual latency first.
  std::vector<WorstPair> latency() const { return in_order(latency_); }
  std::vector<WorstPair> accuracy() const { return in_order(accuracy_); }

 private:
  struct Ranked {
    std::optional<double> rank;  // the larger, the worse; none: last
    WorstPair pair;
  };
  void keep(std::vector<Ranked>& worst, Ranked candidate) const;
  bool has_no_place(const std::vector<Ranked>& worst, const std::optional<double>& rank, double value) const;
  static std::vector<WorstPair> in_order(const std::vector<Ranked>& worst);

  WorstOptions options_;
  Instant now_;
  std::vector<Ranked> latency_;  // the worst first
  std::vector<Ranked> accuracy_;
};

std::string worst_to_json(const std::vector<WorstPair>& worst);

}  // namespace argosy::server

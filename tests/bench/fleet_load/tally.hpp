// What became of the load: counts, the time until acknowledgements, and the JSON that tells of them. One owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/stats/log_histogram.hpp"

namespace argosy::fleet_load {

struct Storm {
  double at_s = 0;  // since all were connected
  std::uint64_t connections = 0;
  double back_s = -1;       // until all of them were connected again; less than 0: not yet
  double recovered_s = -1;  // until no more waited in outboxes than before it
};

struct Tally {
  // Windows; each counts once as sent, and again as repeated.
  std::uint64_t made = 0, sent = 0, acknowledged = 0, repeated = 0, set_aside = 0;
  std::uint64_t health_sent = 0, health_acknowledged = 0;
  std::uint64_t messages = 0, timeouts = 0, acks = 0, renewed = 0;
  std::uint64_t states = 0;
  std::uint64_t connects = 0, reconnects = 0, disconnections = 0;
  std::uint64_t refused_connections = 0, refused_subscriptions = 0, refused_batches = 0, failed_connects = 0;
  std::uint64_t duplicates = 0, garbage = 0, foreign = 0, torn = 0, skewed_devices = 0;
  std::vector<Storm> storms;
  LogHistogram ack_ms;
  std::string last_error;
};

// In the database, of the windows that were sent.
struct StoredWindows {
  std::uint64_t windows = 0;  // each once
  std::uint64_t twice = 0;    // more rows than that
  std::uint64_t lost = 0;     // acknowledged, and not there
};

struct Ending {
  double seconds = 0;  // that windows were made for
  double cpu_s = 0;    // since all were connected
  std::uint64_t dropped = 0, waiting = 0;
  std::uint64_t seed = 0;
  std::optional<StoredWindows> stored;  // none: nobody was asked
};

std::string to_json(const Tally& tally, const Ending& ending);

// Of this process: user and system time, and the most memory it held.
double process_cpu_s();
double process_peak_mb();

}  // namespace argosy::fleet_load

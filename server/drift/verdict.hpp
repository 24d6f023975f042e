// What is said of one feature of a model on a device, and when that is worth a row. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "server/drift/drift.hpp"
#include "server/telemetry/pair_memory.hpp"

namespace argosy::server {

struct DriftVerdict {
  WatchedPair pair;
  std::string version;
  std::string feature;
  DriftMeasures measures;
  bool drifted = false;
  bool was_drifted = false;
};

// The verdict that is written.
struct KnownVerdict {
  std::string version;
  bool drifted = false;
  double psi = 0;
  std::uint64_t samples = 0;
  Instant written_at{};
};

struct WorthWriting {
  double psi = 0.01;                       // a PSI that moved less, and over no threshold, is not worth a row
  Duration at_least_every{6 * 3'600'000};  // but a row that was not written for so long would look as if nobody judged
                                           // any more, and retention would take it
};
bool is_worth_writing(const DriftRule& rule, const KnownVerdict& known, const DriftVerdict& verdict, Instant now,
                      const WorthWriting& worth = {});

}  // namespace argosy::server

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
  FeatureVerdict said;
  std::optional<double> envelope;  // PSI against the release's reference beyond sampling, from envelope_psi on
  bool was_drifted = false;
  bool is_drifted() const { return said.kind == DriftVerdictKind::drifted; }
};

// The verdict that is written.
struct KnownVerdict {
  std::string version;
  DriftVerdictKind kind = DriftVerdictKind::waiting;
  double psi = 0;
  Instant written_at{};
};

struct WorthWriting {
  double psi = 0.01;                       // a PSI that moved less is not worth a row
  Duration at_least_every{6 * 3'600'000};  // but a row that was not written for so long would look as if nobody judged
                                           // any more, and retention would take it
};
bool is_worth_writing(const KnownVerdict& known, const DriftVerdict& verdict, Instant now,
                      const WorthWriting& worth = {});

}  // namespace argosy::server

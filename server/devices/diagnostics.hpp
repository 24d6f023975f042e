// Diagnostics that devices are asked for: types, and when a device is asked again. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/instant.hpp"
#include "common/base/random.hpp"

namespace argosy::server {

inline constexpr int diagnostics_kept = 5;  // of a device; the oldest go
inline constexpr std::size_t most_diagnostics_reason_bytes = 300;
inline constexpr Duration diagnostics_wait{10 * 60'000};  // for a device that does not answer

struct DeviceDiagnostics {
  std::int64_t id = 0;
  std::string device;
  Instant asked_at{};
  std::string asked_by;
  std::string reason;
  std::string state;  // waiting, answered, unanswered
  std::optional<Instant> answered_at;
  std::int64_t bytes = 0;                 // of the document
  std::optional<std::string> document{};  // only of one that was asked for
};
nlohmann::json diagnostics_to_json(const DeviceDiagnostics& diagnostics);

struct DiagnosticsQuestion {
  std::string device;
  std::int64_t id = 0;
};

// A device that did not answer is asked again after so long.
Duration before_asking_again(int tries, Rng& rng);

}  // namespace argosy::server

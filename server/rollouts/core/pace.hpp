// How fast devices are told once their wave is open: so many a minute, perhaps more with each success, and a new wave
// not all at once. Pure and stateless: the answer follows from counts, the time a wave was opened, and one timestamp
// that is kept with the rollout. Rates up to a million devices a minute.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/base/instant.hpp"

namespace argosy {
class JsonReader;
}

namespace argosy::server {

enum class PaceKind : std::uint8_t { constant, exponential };
std::string_view to_string(PaceKind kind);

struct Pace {
  PaceKind kind = PaceKind::constant;
  std::optional<double> per_minute{};       // devices told; none: as many as may be in progress
  double factor = 2;                        // exponential: the rate grows by it ...
  std::int64_t after_successes = 10;        // ... each time so many more devices have succeeded
  std::optional<double> most_per_minute{};  // the growth ends there
  std::int64_t jitter_s = 0;                // the devices of a wave are told over so many seconds
  friend bool operator==(const Pace&, const Pace&) = default;
};

void read_pace(JsonReader& in, Pace& pace);
nlohmann::json encode(const Pace& pace);

// Devices a minute after so many successes; none: no limit.
std::optional<double> rate_per_minute(const Pace& pace, std::int64_t successes);

// The allowance accrues evenly, so that a rate of 60 is a device each second. What was not used lapses, but for one
// device and five seconds' worth: a server that was away catches up with nothing, one that looks late loses nothing.
// `spent_until` is when the allowance that was used will have accrued: what is kept of all tellings so far.
struct PaceNow {
  double per_minute = 0;
  std::optional<Instant> spent_until{};
  Instant now{};
  friend bool operator==(const PaceNow&, const PaceNow&) = default;
};
std::int64_t devices_allowed(const PaceNow& pace);
// The `spent_until` after so many devices were told.
Instant spent_after(const PaceNow& pace, std::int64_t told);
// When at least one device may be told.
Instant next_allowed(const PaceNow& pace);

// How many devices of a wave of `planned` may have been told by now, that was opened at `opened_at`: the first at once,
// the last after jitter_s.
std::int64_t spread_so_far(const Pace& pace, std::int64_t planned, std::optional<Instant> opened_at, Instant now);

}  // namespace argosy::server

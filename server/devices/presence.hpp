// Whether a device is there: the rule, pure. A device is late after 1.5 intervals of silence and offline after 4 missed
// beats and some jitter (at 1 % loss and 1,000 devices on 30 s: 0.03 false verdicts a day; three beats would give 2.9).
#pragma once

#include <optional>
#include <string>

#include "common/base/instant.hpp"
#include "server/devices/device.hpp"

namespace argosy::server {

struct PresenceRule {
  double late_intervals = 1.5;
  double offline_intervals = 4.25;   // four beats missed, and a quarter of one for jitter
  double suspected_intervals = 1.5;  // after the broker published the will, where that is sooner: the time to come back
  Duration shortest_interval{1000};
  Duration longest_interval{3'600'000};
};

struct PresenceEvidence {
  Presence presence = Presence::never_seen;  // the present verdict
  Instant since{};
  std::optional<Instant> last_seen;
  Duration interval{60'000};       // how often the device promised a sign of life
  std::optional<Instant> will_at;  // the broker said that the connection broke
  Instant watching_since{};        // nobody is blamed for silence before this: we, or the broker, were not there
};

struct PresenceVerdict {
  Presence presence;
  std::string reason;
};

PresenceVerdict judge_presence(const PresenceEvidence& evidence, const PresenceRule& rule, Instant now);

// When the verdict that was given at `now` may be another one although nothing is heard; nothing: not before the device
// is heard. Always later than `now`.
std::optional<Instant> next_presence_check(const PresenceEvidence& evidence, const PresenceVerdict& verdict,
                                           const PresenceRule& rule, Instant now);

// From a will.
struct Suspicion {
  std::string device;
  std::int64_t nonce = 0;  // of the session whose connection broke
  Instant at{};
};

}  // namespace argosy::server

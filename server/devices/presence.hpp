// Whether a device is there: the rule, pure. A device is late after 1.5 intervals of silence and offline after 4 missed
// beats and some jitter (at 1 % loss and 1,000 devices on 30 s: 0.03 false verdicts a day; three beats would give 2.9).
#pragma once

#include <optional>
#include <string>
#include <vector>

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
  bool said_goodbye = false;       // or the device itself, that it would leave
  Instant watching_since{};        // nobody is blamed for silence before this: we, or the broker, were not there
};

struct PresenceVerdict {
  Presence presence;
  PresenceCause cause;
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
  bool said_goodbye = false;
};

// A swing is between reachable and offline. Being late is none: at 1 % loss and a beat each 30 s a healthy device is
// late once an hour, and would be called intermittent every third hour.
bool is_swing(Presence before, Presence after);

struct IntermittentRule {
  std::size_t swings = 4;  // so many
  Duration within{3'600'000};
};
// Its latest swings with this one, the newest first, as many as the rule looks at.
std::vector<Instant> with_swing(std::vector<Instant> swings, Instant now, const IntermittentRule& rule);
// Until when a device with these swings is intermittent, if no other comes; nothing: it is not.
std::optional<Instant> intermittent_until(const std::vector<Instant>& swings, Instant now,
                                          const IntermittentRule& rule);

}  // namespace argosy::server

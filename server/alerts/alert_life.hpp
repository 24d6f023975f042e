// The life of one alert, of a (rule, device or site or rollout, model): what becomes of it by what its rule finds, by
// what holds it back, by people and by the clock. Pure.
//
//   pending     its rule suspects it; ends without a trace when the rule is content
//   firing      its rule is sure of it. It is told, unless something holds it back
//   resolved    its rule is content; told if the firing was
//
//   inhibited   an alert above it stands for it: a site's for that of a device, a rollout's for both
//   silenced    a silence of a person covers it
//               Either holds it back: it fires, is listed and is marked, but it is not told. When nothing holds it back
//               any more, and it still fires, it is told then; unless it had been told before it was held back.
//   flapping    it fired and resolved too often. It stays one open alert, whatever its rule says, and is told no more;
//               once its rule has not changed its mind for a time, it follows the rule again
//   escalated   it was told, and nobody acknowledged it for a time: a warning becomes critical, and it is told again
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/instant.hpp"
#include "server/alerts/alert.hpp"

namespace argosy::server {

struct FlapRule {
  std::size_t turns = 4;       // so many times fired or resolved
  Duration within{3'600'000};  // in so long
  Duration calm{3'600'000};    // it is over after so long without a turn
};

struct EscalationRule {
  Duration after{3'600'000};  // zero: never
  int most = 3;               // of one alert
};

struct HeldBack {
  std::optional<std::int64_t> inhibited_by;  // alert
  std::optional<std::int64_t> silenced_by;   // silence
  bool any() const { return inhibited_by || silenced_by; }
};

struct AlertLife {
  AlertState state = AlertState::ok;
  AlertState condition = AlertState::ok;  // what its rule said last; the state, unless it flaps
  std::string severity;
  HeldBack held_back = {};
  bool is_flapping = false;
  bool is_acknowledged = false;
  int escalations = 0;
  std::vector<Instant> turns = {};      // when it fired and resolved, also before this time; the newest, oldest first
  std::optional<Instant> told_at = {};  // none: nobody knows of it
  std::optional<Instant> since =
      {};  // that it waits to be acknowledged: told, escalated, or the acknowledgement taken back
  std::optional<Instant> look_at = {};  // when the clock has something to do with it

  bool is_open() const { return state == AlertState::pending || state == AlertState::firing; }
};

enum class AlertChange : std::uint8_t {
  pending,
  firing,
  told,
  inhibited,
  uninhibited,
  silenced,
  unsilenced,
  flapping,
  calm,
  acknowledged,
  unacknowledged,
  escalated,
  resolved,
  withdrawn
};
std::string_view to_string(AlertChange change);
using AlertChanges = std::vector<AlertChange>;

// The kind of the event that tells of it; none where nobody is told.
std::optional<std::string_view> event_of(AlertChange change, const AlertLife& after);

// What the rule finds. `held_back` counts where it fires by this. A final finding ends an alert that flaps, too.
AlertChanges take_finding(const FlapRule& rule, AlertLife& life, AlertState wanted, bool is_final,
                          const HeldBack& held_back, Instant now);

// The clock, or what holds alerts back has changed.
AlertChanges look_again(const FlapRule& flap, const EscalationRule& escalation, AlertLife& life,
                        const HeldBack& held_back, Instant now);

// Of an alert that is open; nothing where it is so already.
AlertChanges acknowledge(AlertLife& life);
AlertChanges take_acknowledgement_back(AlertLife& life, Instant now);

// What the next alert of the same (rule, scope, model) begins with.
AlertLife life_after(const FlapRule& rule, const AlertLife& resolved, Instant now);

}  // namespace argosy::server

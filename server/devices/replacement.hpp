// Another board under the name of a living device: it enrols with a claim that is good and a key that is not the
// device's. Nothing happens to the device for that: its operators are shown who asks, and one of them lets that key in,
// once, or turns it down. Pure. Limits: one board a name; a claim speaks for as many as it has uses left, and for
// most_asked_by_claim; a board that is turned down makes room for another key only after a while.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "common/base/instant.hpp"

namespace argosy::server {

struct Claim;
struct EnrolmentRequest;

inline constexpr int most_asked_by_claim = 100;
inline constexpr std::size_t most_replacements_listed = 500;
// A board that has not asked for so long makes room for another; so does one that was turned down so long ago.
inline constexpr std::chrono::minutes held_for_asker{15};
// How long one that does not ask any more stays, and how long one that was let in may take to come.
inline constexpr std::chrono::hours replacement_life{24};
inline constexpr std::chrono::hours turned_down_life{24 * 7};

enum class ReplacementState : std::uint8_t { asking, accepted, turned_down };
std::string_view to_string(ReplacementState state);
Result<ReplacementState> parse_replacement_state(std::string_view text);

struct Replacement {
  DeviceId device;
  ReplacementState state = ReplacementState::asking;
  std::string key_sha256;
  std::string hardware_class;  // as its own configuration says
  std::string board;           // what it says it is; empty: nothing
  std::string address;
  std::int64_t claim = 0;
  Instant asked_at{};
  Instant last_asked_at{};
  std::optional<Instant> settled_at;
  std::string settled_by;
};
// When it is as if it had never asked.
Instant expires_at(const Replacement& replacement);

enum class Asking : std::uint8_t {
  first,   // its operators are told
  again,   // they know
  let_in,  // one of them has said yes to this very key
};
// `standing`: who asks for that name already; `asked_by_claim`: how many boards of that claim ask for others.
// Errc::conflict for whoever may not even ask now.
Result<Asking> decide_asking(const std::optional<Replacement>& standing, const EnrolmentRequest& request,
                             std::string_view key_sha256, const Claim& claim, int asked_by_claim, Instant now);
// What a board is told that asks.
std::string wait_for_operator(const DeviceId& device);

struct ReplacementChoice {
  std::string key_sha256;  // the board that the operator was shown, so that no other slips in between
  bool take = false;
};
Result<ReplacementChoice> parse_replacement_choice(std::string_view json);
// Errc::conflict where another board asks by now, or none.
Result<void> check_choice(const std::optional<Replacement>& standing, const ReplacementChoice& choice,
                          const DeviceId& device, Instant now);

}  // namespace argosy::server

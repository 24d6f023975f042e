// What time it is, on a board whose clock may stand at 1970, run hours off, or leap. From the agent's start on this
// clock runs by the board's uptime, and is set by what can be believed: the server's answers, and certificates of the
// server that are not good yet. Until then it follows the board's clock, but never below a floor: when this program was
// built, and the last time that was known. Pure but for its readings. The agent's loop thread; now() and is_known() may
// be asked on any.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::agent {

struct ClockReading {
  Instant board{};     // the board's clock, whatever it says
  Duration uptime{0};  // since some moment before the agent's start; never leaps, and goes on while the board sleeps
};
ClockReading read_clocks();

// When this program was built.
Instant build_time();

class DeviceClock {
 public:
  // Less is no leap: clocks are steered, and an HTTP Date is exact to half a second and half of the exchange.
  static constexpr Duration tolerance{5000};
  // A board's clock that is off by more is worth a word.
  static constexpr Duration worth_saying{60'000};

  explicit DeviceClock(Instant floor, std::function<ClockReading()> read = read_clocks);

  Instant now() const;
  // Runs with now(), but is never set: what is measured with it is as old as the board was up since.
  Instant ageing() const;
  // Whether the server told the time since the agent's start. Until then no age counts.
  bool is_known() const { return known_; }
  // By how much the board's clock is ahead of this one.
  Duration board_ahead() const;
  // Since when it can be no earlier: for the next start, once the time is known.
  std::optional<Instant> worth_keeping() const;

  // An answer of the server says that it was this time when it came.
  void heard(Instant server_now);
  // A certificate that the trusted authority signed is good from then on: it is no earlier. Whether that helped.
  bool proved(Instant at_least);
  // The board's clock may have been set; to be called now and then.
  void look();
  // Called when now() leaps, with how far.
  void on_set(std::function<void(Duration)> hear) { hear_ = std::move(hear); }

  // One sentence on a board's clock that is off, or on a time that nobody confirmed; empty: there is nothing to say.
  std::string fault() const;

 private:
  Instant at(const ClockReading& reading) const { return base_.load() + (reading.uptime - started_); }
  void set(const ClockReading& reading, Instant to);

  std::function<ClockReading()> read_;
  Duration started_{0};
  std::atomic<Instant> base_{};  // now() at the start, as far as is known today
  Instant ageing_base_{};
  Instant floor_{};  // likewise: it goes on with the uptime
  std::atomic<bool> known_ = false;
  std::function<void(Duration)> hear_;
};

// The floor that an earlier run left; a file that cannot be read is none.
Instant load_floor(const std::filesystem::path& file);
Result<void> keep_floor(const std::filesystem::path& file, Instant known);

}  // namespace argosy::agent

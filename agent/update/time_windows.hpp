// The hours in which something is allowed, such as "Mon-Fri 01:00-04:00", as the clock on the device's wall shows them:
// an hour that is skipped in spring never comes, one that is repeated in autumn is open twice. Pure: what the wall
// shows at an instant is passed in. At most 32 windows.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::agent {

struct LocalTime {
  std::int64_t day = 0;  // since 1970-01-01
  int minute = 0;        // of the day
  friend bool operator==(const LocalTime&, const LocalTime&) = default;
};
using LocalClock = std::function<LocalTime(Instant)>;

// Before this the clock of no device is right: its battery is dead, and nobody has set it yet.
inline constexpr Instant clock_is_set_from{std::chrono::hours(24 * 365 * 55)};  // the end of 2024

class TimeWindows {
 public:
  static constexpr std::size_t limit = 32;

  // "01:00-04:00", "Mon-Fri 01:00-04:00", "Sat,Sun 00:00-24:00", "22:00-02:00": over midnight it belongs to the day on
  // which it begins. Errc::invalid_argument names the text and what is allowed.
  static Result<TimeWindows> parse(const std::vector<std::string>& texts);

  bool always() const { return windows_.empty(); }  // also without any
  bool open_at(const LocalTime& time) const;
  // The first minute after `now` at which it is open; none in the next two weeks.
  std::optional<Instant> next_opening(Instant now, const LocalClock& clock) const;
  const std::string& text() const { return text_; }
  friend bool operator==(const TimeWindows&, const TimeWindows&) = default;

 private:
  struct Window {
    std::array<bool, 7> days{};  // from Monday; those on which it begins
    int begin = 0;               // minutes of the day
    int end = 0;                 // not after `begin`: on the next day
    friend bool operator==(const Window&, const Window&) = default;
  };
  static std::optional<Window> parse_window(const std::string& text);
  static bool is_open(const Window& window, std::size_t weekday, int minute);

  std::vector<Window> windows_;
  std::string text_;
};

// The first minute of the next day.
Instant next_midnight(Instant now, const LocalClock& clock);

}  // namespace argosy::agent

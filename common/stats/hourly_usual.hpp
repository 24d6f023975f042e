// What is usual of a figure at an hour of the day, learned from the last seven days: one mean an hour and weekday, in
// UTC. It works on logarithms, so that what it says is a ratio. Pure; one owner at a time; bounded: 168 means, which
// pack into some 200 bytes, and the hour that runs.
//
// Usual at a time is the median over the days of its hour; or, where that is more, the mean of the same hour a week
// ago, for weeks have a shape of their own; or the same of the hour that is less than 40 minutes away: what begins
// a little earlier than yesterday, or amid an hour, is nothing unusual. In the week after clocks change somewhere, that
// of an hour away. Of a Saturday or Sunday only such days tell, and of the other days only those.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/base/encoding.hpp"
#include "common/base/instant.hpp"

namespace argosy {

class HourlyUsual {
 public:
  // One value more of its hour, as a logarithm. What is of an hour before the one that runs is left out.
  void learn(Instant at, double ln_value);
  // Nothing where no day knows this hour yet.
  std::optional<double> ln_at(Instant at) const;
  // The hour of the newest value.
  struct Running {
    double ln_mean = 0;
    std::uint64_t values = 0;
    bool is_at = false;  // the hour of `at`
  };
  Running running(Instant at) const;
  std::size_t hours_known() const;        // of the 168
  std::optional<double> highest() const;  // of these
  // What sigma would be, were it normal: of the values around what was usual when they came.
  double ln_sigma() const { return 1.4826 * ln_deviation_; }

  Bytes pack() const;
  static HourlyUsual unpack(ByteView bytes);  // of what cannot be read, what comes before the fault
  friend bool operator==(const HourlyUsual&, const HourlyUsual&) = default;

 private:
  static constexpr std::size_t days = 7;
  static constexpr std::size_t hours = 24;

  struct Cell {
    std::int16_t steps = unknown;  // of ln_step
    bool is_firm = false;          // of more than a few values
    bool is_known() const { return steps != unknown; }
    friend bool operator==(const Cell&, const Cell&) = default;
  };
  static constexpr std::int16_t unknown = INT16_MIN;

  void close_hour();
  void learn_distance(double distance);
  std::optional<double> of_hour(std::int64_t hour) const;
  const Cell& cell(std::int64_t hour) const;

  std::array<Cell, days * hours> cells_{};  // by day, then hour, from Thursday, 1970-01-01, on
  std::int64_t hour_ = -1;                  // since 1970, that runs; -1: none
  double ln_sum_ = 0;
  std::uint64_t values_ = 0;
  double ln_deviation_ = 0;  // the median of the distances
  std::uint64_t learned_ = 0;
};

// Whether the clocks of Europe, North America or southern Australia were set back or forth within the week before.
bool clocks_changed_lately(Instant at);

}  // namespace argosy

#include "tests/bench/alarms/latency_alarms.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <numbers>
#include <optional>
#include <vector>

#include "common/base/random.hpp"
#include "common/stats/robust.hpp"
#include "server/alerts/alert.hpp"
#include "tests/bench/alarms/latency_judges.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

constexpr int devices_of_a_shape = 20;
constexpr int days = 14;
constexpr Duration window_length{300'000};
constexpr int windows_a_day = 288;
// A Monday.
const Instant first_day = parse_rfc3339("2026-03-02T00:00:00Z").value();

enum class Shape { flat, office_hours, waves, working_week, busy_weekend };
constexpr Shape shapes[] = {Shape::flat, Shape::office_hours, Shape::waves, Shape::working_week, Shape::busy_weekend};

// p95 in ms at this hour, before noise. `late_h`: today begins so many hours later than usual.
double shape_ms(Shape shape, double hour, int weekday, double late_h) {
  const bool is_weekend = weekday >= 5;
  const double moved = hour - late_h;
  const bool is_open = moved >= 9 && moved < 18;
  switch (shape) {
    case Shape::flat:
      return 20;
    case Shape::office_hours:  // as in the daily series of the Numenta benchmark: 20 by night and 80 by day
      return is_open ? 80 : 20;
    case Shape::waves:
      return 40 * std::exp(0.6 * std::sin(2 * std::numbers::pi * (hour - 6) / 24));
    case Shape::working_week:
      return is_open && !is_weekend ? 80 : 20;
    case Shape::busy_weekend:
      return (is_open ? 50 : 20) * (is_weekend ? 1.6 : 1);
  }
  return 20;
}

struct Jump {
  int from = 0;  // window
  int until = 0;
  double factor = 1;
};

struct LatencySeries {
  std::vector<LatencyWindow> windows;
  std::vector<Jump> jumps;
};

// Two jumps in the second week, of some hours each, on every other device.
LatencySeries make_series(Shape shape, bool has_jumps, Rng& random) {
  constexpr double lasting = 0.9;  // AR(1)
  const double sigma = 0.03 + 0.07 * random.uniform();
  LatencySeries series;
  if (has_jumps) {
    for (const int day : {8, 11}) {
      const int from = day * windows_a_day + static_cast<int>(random.below(windows_a_day - 48));
      series.jumps.push_back({from, from + 24 + static_cast<int>(random.below(24)), 2.5 + random.uniform()});
    }
  }
  double noise = 0;
  double late_h = 0;
  int stalled_at = -windows_a_day;
  for (int i = 0; i < days * windows_a_day; ++i) {
    if (i % windows_a_day == 0) late_h = (random.uniform() - 0.5) / 3;  // ten minutes either way
    const int weekday = (i / windows_a_day) % 7;
    const double hour = 24.0 * (i % windows_a_day) / windows_a_day;
    noise = lasting * noise + std::sqrt(1 - lasting * lasting) * sigma * random.normal();
    double p95_ms = shape_ms(shape, hour, weekday, late_h) * std::exp(noise + 0.03 * random.normal());
    // One stall; two of them within three windows are no noise.
    if (i > stalled_at + 3 && random.chance(0.002)) {
      p95_ms *= 4;
      stalled_at = i;
    }
    for (const auto& jump : series.jumps)
      if (i >= jump.from && i < jump.until) p95_ms *= jump.factor;
    series.windows.push_back({first_day + i * window_length, p95_ms, 1000});
  }
  return series;
}

struct Tally {
  int false_episodes = 0;
  int jumps = 0;
  int found = 0;
  std::vector<double> minutes;  // until one was found
};

template <class Judge>
void judge_series(const LatencySeries& series, Tally& tally) {
  constexpr int settles = 15;  // windows after a jump in which its alert may still be open
  Judge judge;
  std::vector<bool> found(series.jumps.size(), false);
  bool fired = false;
  for (int i = 0; i < static_cast<int>(series.windows.size()); ++i) {
    const bool fires = judge.fires(series.windows[static_cast<std::size_t>(i)]);
    const bool begins = fires && !fired;
    fired = fires;
    if (!begins) continue;
    bool is_real = false;
    for (std::size_t j = 0; j < series.jumps.size(); ++j) {
      const auto& jump = series.jumps[j];
      if (i < jump.from || i >= jump.until + settles) continue;
      is_real = true;
      if (found[j]) continue;
      found[j] = true;
      tally.minutes.push_back((i - jump.from + 1) * 5.0);
    }
    if (!is_real) ++tally.false_episodes;
  }
  tally.jumps += static_cast<int>(found.size());
  tally.found += static_cast<int>(std::count(found.begin(), found.end(), true));
}

double percent(int part, int whole) {
  return whole > 0 ? 100.0 * part / whole : 0;
}

}  // namespace

json simulate_latency(std::uint64_t seed) {
  Rng random(seed);
  Tally by_hour, blind;
  int devices = 0;
  std::uint64_t windows = 0;
  double judging_us = 0;
  for (const auto shape : shapes) {
    for (int device = 0; device < devices_of_a_shape; ++device, ++devices) {
      const auto series = make_series(shape, device % 2 == 0, random);
      const auto began = std::clock();  // of the processor, whatever else runs
      judge_series<JudgedByHour>(series, by_hour);
      judging_us += 1e6 * static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
      windows += series.windows.size();
      judge_series<JudgedBlind>(series, blind);
    }
  }
  return {{"latency_devices", devices},
          {"latency_false_episodes", by_hour.false_episodes},
          {"latency_jumps_found_percent", percent(by_hour.found, by_hour.jumps)},
          {"latency_jump_median_minutes", median(by_hour.minutes).value_or(0)},
          {"latency_blind_false_episodes", blind.false_episodes},
          {"latency_blind_jumps_found_percent", percent(blind.found, blind.jumps)},
          {"latency_us_per_window", judging_us / static_cast<double>(windows)}};
}

}  // namespace argosy::server

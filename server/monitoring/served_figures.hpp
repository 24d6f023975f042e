// What the windows told that this instance stored: sums by model and version, which only rise, so that whoever
// collects them adds up the instances. Pure; one owner. At most `most_pairs` of (model, version) by name; one more
// takes the place of the one that was not heard of for longest, if that is an hour, and else counts under "other".
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/figure_family.hpp"
#include "common/base/instant.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

class ServedFigures {
 public:
  static constexpr std::size_t most_pairs = 100;
  static constexpr Duration silence{3'600'000};
  static constexpr std::array latency_bounds_ms{0.5,   1.0,   2.5,   5.0,    10.0,   25.0,  50.0,
                                                100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0};
  static constexpr std::array lag_bounds_s{1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 86'400.0};

  void add(const std::vector<TakenWindow>& windows, Instant now);
  std::vector<FigureFamily> families() const;

 private:
  struct Sums {
    std::uint64_t windows = 0, inferences = 0, errors = 0, labels = 0, correct = 0;
    std::array<std::uint64_t, latency_bounds_ms.size() + 1> latency{};
    double latency_ms = 0;  // added up
    Instant heard_at{};
  };
  using Pair = std::pair<std::string, std::string>;  // model, version

  Sums& sums_of(const TakenWindow& window, Instant now);
  void add_lag(Duration lag);

  std::map<Pair, Sums> pairs_;
  std::array<std::uint64_t, lag_bounds_s.size() + 1> lag_{};
  double lag_s_ = 0;
};

}  // namespace argosy::server

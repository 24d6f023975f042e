// Windows added up over an hour or a day, as long charts and years of comparison need them: counts exact, latency
// within 1 % as LogHistogram has it. A rollup is a window itself, which starts at its hour or day and ends when the
// time that its windows cover together is over, and merges with others in any order; but which values of a tag are
// counted by name, where there are more than a window may have, depends on it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "common/base/instant.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

// What a rollup holds at most, beside as many numbers of a program as a window; of more, those that came last are left
// out, as no honest program has so many.
inline constexpr std::size_t rolled_classes_limit = 4096;
inline constexpr std::size_t rolled_features_limit = 256;

// Adds `window` to `sum`, whose start stays: what it covers, its counts and all its parts. A feature whose bins are
// others than in `sum` is left out, as is the device's own time.
void merge_into(TakenWindow& sum, const TakenWindow& window);

struct Rollup {
  TakenWindow sum;
  std::uint64_t windows = 0;
};

// Sums by device, model, version and start.
class Rollups {
 public:
  explicit Rollups(Duration width) : width_(width) {}  // an hour or a day, in UTC
  void add(const TakenWindow& window, std::uint64_t windows = 1);
  std::vector<Rollup> take();  // in the order of that; leaves none

 private:
  Duration width_;
  std::map<std::tuple<std::string, std::string, std::string, Instant>, Rollup> sums_;
};

Instant floor_to(Instant at, Duration width);
Instant month_of(Instant at);  // the first moment of its month, in UTC

}  // namespace argosy::server

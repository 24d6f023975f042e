// What a device showed in the same weeks of the year before, from windows that are added up by days: a season that
// comes back is no change. Read rarely (about once a week a pair) and remembered as one histogram a feature; where
// telemetry.day_rollups_days is shorter than a year and a week, there is none. Pure.
#pragma once

#include <optional>
#include <vector>

#include "common/base/instant.hpp"
#include "server/drift/judged_reference.hpp"
#include "server/telemetry/pair_memory.hpp"

namespace argosy::server {

struct LastYear {
  std::optional<Instant> read_in = {};       // the beginning of a week; none: it was never read
  Duration covered{};                        // by its windows
  std::vector<HistogramCounts> counts = {};  // by the place of the feature; empty: there is nothing to compare with
};

struct WeeksBefore {
  Instant from{};
  Instant to{};  // before this
};
// A week before and three weeks after the day a year before `now`: they hold until it is read again.
WeeksBefore weeks_of_last_year(Instant now);
Instant week_of(Instant at);
// In the next week, each pair at its own time.
Instant read_last_year_again(const WatchedPair& pair, Instant read_in);

// Adds up days of those weeks.
class LastYearSum {
 public:
  explicit LastYearSum(const JudgedModel& model) : model_(model), counts_(model.features.size()) {}

  // `by`: what the release that the device served then was judged by. Features whose bins are the same count, and of
  // predictions those of the same version.
  void add(const TakenWindow& day, const JudgedModel& by, bool is_same_version);
  // Nothing of fewer days than make a reference.
  LastYear take(Instant now);

 private:
  const JudgedModel& model_;
  std::vector<HistogramCounts> counts_;
  Duration covered_{};
  std::vector<Instant> days_;
};

}  // namespace argosy::server

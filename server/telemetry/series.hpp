// The columns behind a device's charts: rows of telemetry folded into at most 2,000 steps of equal width. Percentiles
// come from merged histograms, never from averages of percentiles. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "common/stats/accuracy.hpp"
#include "common/stats/device_rows.hpp"
#include "common/stats/log_histogram.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

inline constexpr std::size_t series_point_limit = 2000;
inline constexpr std::size_t series_number_limit =
    32;  // names of programs' numbers, and of readings; more are left out

struct SeriesQuery {
  std::string device;
  std::string model;  // empty: the first by name that has windows
  Instant from{};
  Instant to{};  // after `from`
  std::size_t points = 300;
};

// How wide one step is and where it starts: a round width in seconds, no less than `shortest`, so that there are no
// more than `points` steps; starts are multiples of it.
struct SeriesGrid {
  std::int64_t start_s = 0;
  std::int64_t step_s = 1;
  std::size_t steps = 0;
  std::optional<std::size_t> step_of(Instant at) const;  // nothing outside the grid
};
SeriesGrid grid_of(Instant from, Instant to, std::size_t points, Duration shortest);

struct SeriesMarker {
  Instant at{};
  std::string kind;
  std::string label;
};

// One step; what is not there is nothing, not zero.
struct SeriesPoint {
  bool present = false;                 // a window lies in the step
  std::optional<double> p50, p95, p99;  // ms
  std::optional<double> least, most;    // of the latencies, within 1 %
  std::optional<double> throughput_hz;
  std::optional<double> error_rate;
  std::optional<double> accuracy;  // of labels at inference and of those that came later
  std::optional<ShareBounds> accuracy_bounds;
  std::optional<std::uint64_t> labelled;
  std::optional<std::uint64_t> labelled_later;  // of these, those that came later
  std::optional<double> label_delay_s;          // of those, the mean
  std::optional<double> estimated_accuracy;     // without labels
  std::optional<ShareBounds> estimated_accuracy_bounds;
  std::optional<double> confidence;       // mean
  std::optional<double> entropy;          // mean, in nats
  std::map<std::string, double> numbers;  // means of what the program reported
  std::string version;                    // of the newest window in the step
};

struct HealthColumns {
  std::vector<std::int64_t> t;
  std::map<std::string, std::vector<std::optional<double>>> columns;  // each as long as t
};

struct Series {
  std::string model;
  SeriesGrid grid;
  std::vector<SeriesPoint> points;  // grid.steps of them, or none
  wire::Confidences confidences;    // of all steps together, as the tags
  wire::Tags tags;
  HealthColumns health;
  std::vector<SeriesMarker> markers;
};

// Feeds rows in any order and gives one step each.
class SeriesFold {
 public:
  explicit SeriesFold(const SeriesGrid& grid) : grid_(grid), cells_(grid.steps) {}
  void add(const TakenWindow& row);
  std::vector<SeriesPoint> points() const;
  const wire::Confidences& confidences() const { return confidences_; }
  const wire::Tags& tags() const { return tags_; }

 private:
  struct Cell {
    std::uint64_t count = 0, errors = 0, labelled = 0, labelled_later = 0, correct = 0;
    double seconds = 0;
    WeightedMean label_delay_s;
    WeightedMean estimated_accuracy;
    LogHistogram latency;
    WeightedMean confidence;
    WeightedMean entropy;
    std::map<std::string, WeightedMean> numbers;
    Instant newest{};
    std::string version;
  };
  SeriesGrid grid_;
  std::vector<Cell> cells_;
  std::set<std::string> names_;  // of numbers
  wire::Confidences confidences_;
  wire::Tags tags_;
};

// The document of docs/protocol.md. A single step without a window is the jitter of the windows' ends and left out; two
// and more are silence, shown as one point of nulls.
std::string series_to_json(const Series& series);

}  // namespace argosy::server

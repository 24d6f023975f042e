// The second half: what devices measured becomes a line for each group. Percentiles come from merged histograms, never
// from averages of percentiles; the band is from the least to the most that any device of the group has in the step.
// The groups with most observations have a line of their own, all others are added up in one. Pure; one owner at a
// time; memory for `most` + 2 groups, or versions_limit of them.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/stats/histogram_sum.hpp"
#include "server/telemetry/query/device_fold.hpp"

namespace argosy::server {

inline constexpr std::size_t group_limit = 20;     // lines beside "other"
inline constexpr std::size_t versions_limit = 32;  // that one query tells apart

struct Grouping {
  enum class By : std::uint8_t { nothing, device, version, hardware_class, label };
  By by = By::nothing;
  std::string label = {};
  friend bool operator==(const Grouping&, const Grouping&) = default;
};
// Empty text, device, version, hardware_class and labels.KEY; Errc::invalid_argument for another.
Result<Grouping> parse_grouping(std::string_view text);
std::string to_text(const Grouping& grouping);

struct GroupPoint {
  std::optional<double> value;
  std::optional<double> least, most;    // of its devices
  std::optional<double> p50, p95, p99;  // of latency
  std::uint64_t n = 0;                  // observations
  std::uint64_t devices = 0;            // that have a value
};

struct GroupLine {
  std::string name;           // empty: devices without the label
  std::uint64_t devices = 0;  // that measured anything
  std::uint64_t n = 0;
  std::vector<GroupPoint> points;  // one a step
};

struct GroupLines {
  std::vector<GroupLine> groups;   // most observations first
  std::optional<GroupLine> other;  // all that have no line
  std::size_t others = 0;          // how many groups that is
};

class GroupFold {
 public:
  GroupFold(Metric metric, std::size_t steps, std::size_t most)
      : metric_(std::move(metric)), steps_(steps), most_(most) {}

  // Devices of one group must come one after the other.
  void add(const std::string& group, const MeasuredDevice& device);
  // Groups in any order; false: there are more than versions_limit, and this one is left out.
  bool add_mixed(const std::string& group, const MeasuredDevice& device);
  GroupLines lines();

 private:
  struct Step {
    double sum = 0;  // of throughput: over its devices
    double weight = 0;
    std::uint64_t n = 0;
    std::uint64_t devices = 0;
    double least = std::numeric_limits<double>::infinity();
    double most = -std::numeric_limits<double>::infinity();
    HistogramSum latency;
  };
  struct Group {
    std::uint64_t devices = 0;
    std::uint64_t n = 0;
    std::vector<Step> steps;
  };
  using Groups = std::map<std::string, Group>;

  void add_to(Group& group, const MeasuredDevice& device) const;
  void give_way();  // the groups over `most` with the fewest observations
  static void merge(Group& into, const Group& from);
  GroupLine line_of(const std::string& name, const Group& group) const;
  GroupPoint point_of(const Step& step) const;

  Metric metric_;
  std::size_t steps_;
  std::size_t most_;
  Groups groups_;
  Group other_;
  std::size_t others_ = 0;  // groups in it
};

}  // namespace argosy::server

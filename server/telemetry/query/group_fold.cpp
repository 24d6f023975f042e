#include "server/telemetry/query/group_fold.hpp"

#include <algorithm>
#include <utility>

#include "common/base/text.hpp"

namespace argosy::server {

namespace {

constexpr std::string_view label_prefix = "labels.";
constexpr std::size_t label_key_limit = 100;

}  // namespace

Result<Grouping> parse_grouping(std::string_view text) {
  using By = Grouping::By;
  if (text.empty()) return Grouping{};
  if (text == "device") return Grouping{By::device};
  if (text == "version") return Grouping{By::version};
  if (text == "hardware_class") return Grouping{By::hardware_class};
  const auto is_label = text.starts_with(label_prefix) && text.size() > label_prefix.size();
  if (is_label && text.size() <= label_prefix.size() + label_key_limit)
    return Grouping{By::label, std::string(text.substr(label_prefix.size()))};
  return make_error(Errc::invalid_argument, "\"by\" is \"" + shortened(text) +
                                                "\"; it may be device, version, hardware_class, or labels.KEY such "
                                                "as labels.site");
}

std::string to_text(const Grouping& grouping) {
  switch (grouping.by) {
    case Grouping::By::device:
      return "device";
    case Grouping::By::version:
      return "version";
    case Grouping::By::hardware_class:
      return "hardware_class";
    case Grouping::By::label:
      return std::string(label_prefix) + grouping.label;
    case Grouping::By::nothing:
      break;
  }
  return {};
}

void GroupFold::add(const std::string& group, const MeasuredDevice& device) {
  if (!groups_.contains(group)) give_way();
  add_to(groups_[group], device);
}

bool GroupFold::add_mixed(const std::string& group, const MeasuredDevice& device) {
  if (!groups_.contains(group) && groups_.size() >= versions_limit) return false;
  add_to(groups_[group], device);
  return true;
}

void GroupFold::add_to(Group& group, const MeasuredDevice& device) const {
  if (group.steps.empty()) group.steps.resize(steps_);
  ++group.devices;
  for (std::size_t at = 0; at < steps_; ++at) {
    const Measured& measured = device.steps[at];
    const auto value = measured.value(metric_);
    if (!value) continue;
    Step& step = group.steps[at];
    const bool is_rate = metric_.kind == Metric::Kind::throughput;
    step.sum += is_rate ? *value : measured.sum;
    step.weight += measured.weight;
    step.n += measured.n;
    ++step.devices;
    step.least = std::min(step.least, *value);
    step.most = std::max(step.most, *value);
    step.latency.add(measured.latency);
    group.n += measured.n;
  }
}

void GroupFold::merge(Group& into, const Group& from) {
  if (into.steps.empty()) into.steps.resize(from.steps.size());
  into.devices += from.devices;
  into.n += from.n;
  for (std::size_t at = 0; at < from.steps.size(); ++at) {
    Step& step = into.steps[at];
    const Step& more = from.steps[at];
    step.sum += more.sum;
    step.weight += more.weight;
    step.n += more.n;
    step.devices += more.devices;
    step.least = std::min(step.least, more.least);
    step.most = std::max(step.most, more.most);
    step.latency.add(more.latency);
  }
}

void GroupFold::give_way() {
  while (groups_.size() > most_) {
    const auto fewest = std::min_element(groups_.begin(), groups_.end(), [](const auto& one, const auto& another) {
      // Of two alike the later name goes.
      return one.second.n != another.second.n ? one.second.n < another.second.n : one.first > another.first;
    });
    merge(other_, fewest->second);
    ++others_;
    groups_.erase(fewest);
  }
}

GroupPoint GroupFold::point_of(const Step& step) const {
  GroupPoint point;
  point.n = step.n;
  point.devices = step.devices;
  if (step.devices == 0) return point;
  point.least = step.least;
  point.most = step.most;
  if (metric_.kind == Metric::Kind::latency) {
    const LogHistogram total = step.latency.total();
    point.value = total.quantile(metric_.quantile);
    point.p50 = total.quantile(0.50);
    point.p95 = total.quantile(0.95);
    point.p99 = total.quantile(0.99);
  } else {
    point.value = metric_.kind == Metric::Kind::throughput ? step.sum : step.sum / step.weight;
  }
  return point;
}

GroupLine GroupFold::line_of(const std::string& name, const Group& group) const {
  GroupLine line{name, group.devices, group.n, {}};
  line.points.reserve(group.steps.size());
  for (const Step& step : group.steps) line.points.push_back(point_of(step));
  return line;
}

GroupLines GroupFold::lines() {
  give_way();
  GroupLines lines;
  for (const auto& [name, group] : groups_) lines.groups.push_back(line_of(name, group));
  std::stable_sort(lines.groups.begin(), lines.groups.end(),
                   [](const GroupLine& one, const GroupLine& another) { return one.n > another.n; });
  if (others_ > 0) lines.other = line_of("other", other_);
  lines.others = others_;
  return lines;
}

}  // namespace argosy::server

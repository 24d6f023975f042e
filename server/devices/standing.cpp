#include "server/devices/standing.hpp"

#include <utility>

namespace argosy::server {

std::optional<Standing> Standings::find(std::string_view device, Time now) const {
  if (now > complete_until_ + options_.trust) return std::nullopt;
  const auto found = known_.find(device);
  if (found == known_.end()) return std::nullopt;
  return found->second;
}

void Standings::begin_reading(const std::string& device) {
  ++readings_[device].readers;
}

void Standings::end_reading(const std::string& device, std::optional<Standing> read) {
  const auto reading = readings_.find(device);
  if (reading == readings_.end()) return;
  const bool is_overtaken = reading->second.is_overtaken;
  if (--reading->second.readers == 0) readings_.erase(reading);
  if (is_overtaken || !read) return;
  // Full: another one makes room, whichever lies first; it costs that one a query.
  if (known_.size() >= options_.limit && !known_.contains(device)) known_.erase(known_.begin());
  known_.insert_or_assign(device, *read);
}

void Standings::forget(const std::string& device) {
  known_.erase(device);
  const auto reading = readings_.find(device);
  if (reading != readings_.end()) reading->second.is_overtaken = true;
}

void Standings::forget_all() {
  known_.clear();
  for (auto& [device, reading] : readings_) reading.is_overtaken = true;
}

}  // namespace argosy::server

// How a query over a fleet is cut into transactions of bounded size, and how far it reads at all. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "common/base/instant.hpp"
#include "server/telemetry/query/device_fold.hpp"

namespace argosy::server {

inline constexpr std::size_t queried_devices_limit = 100'000;
inline constexpr std::uint64_t queried_rows_limit = 1'000'000;  // some seconds of work; more is refused
inline constexpr std::size_t query_point_limit = 500;           // steps

inline constexpr std::size_t slice_devices = 250;
inline constexpr std::size_t slice_cells = 10'000;  // devices times steps, which lie in memory
inline constexpr std::size_t slice_rows = 50'000;   // that one statement may be expected to give

// Devices that are read in one transaction, at least 1, when each has so many steps and may have so many rows.
constexpr std::size_t devices_in_slice(std::size_t steps, std::size_t rows_a_device) {
  const auto by_cells = slice_cells / std::max<std::size_t>(steps, 1);
  const auto by_rows = slice_rows / std::max<std::size_t>(rows_a_device, 1);
  return std::clamp<std::size_t>(std::min(by_cells, by_rows), 1, slice_devices);
}

// Of a fleet that is too large for its windows, the sums of an hour or a day are read: the shortest of nought, an hour
// and a day in which so many devices, of a row in each `pause`, have no more rows than a query reads; a day where none
// is.
constexpr Duration unit_to_read(std::size_t devices, Duration range, Duration pause) {
  constexpr Duration hour{3'600'000};
  const auto rows_of_each = [&](Duration apart) { return devices * (static_cast<std::size_t>(range / apart) + 1); };
  if (rows_of_each(pause) <= queried_rows_limit) return Duration{0};
  return rows_of_each(hour) <= queried_rows_limit ? hour : 24 * hour;
}

// What a slice measured is taken once, though its transaction may run again, and in the order of slices, though one may
// be read before the one before it. One owner at a time.
class SliceTaker {
 public:
  using Take = std::function<void(std::vector<MeasuredDevice>&&)>;
  explicit SliceTaker(Take take) : take_(std::move(take)) {}
  void take(std::size_t slice, std::vector<MeasuredDevice>&& devices) {
    if (slice < next_) return;
    early_[slice] = std::move(devices);
    for (auto first = early_.begin(); first != early_.end() && first->first == next_; first = early_.begin()) {
      take_(std::move(first->second));
      early_.erase(first);
      ++next_;
    }
  }

 private:
  Take take_;
  std::size_t next_ = 0;
  std::map<std::size_t, std::vector<MeasuredDevice>> early_;  // whose turn has not come
};

}  // namespace argosy::server

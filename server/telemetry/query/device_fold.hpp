// The first half of a query's work: windows of a slice of devices, added up for each device and step. A device has one
// value in a step, however many windows lie there, so that a group's band is one of devices. Pure; one owner at a time;
// in memory lies what devices times steps need.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/telemetry/query/metric.hpp"
#include "server/telemetry/series.hpp"

namespace argosy::server {

struct MeasuredDevice {
  std::string device;
  std::string version;          // where versions are told apart, else empty
  std::vector<Measured> steps;  // of the grid
};

class DeviceFold {
 public:
  DeviceFold(Metric metric, const SeriesGrid& grid, bool by_version)
      : metric_(std::move(metric)), grid_(grid), by_version_(by_version) {}
  DeviceFold(const DeviceFold&) = delete;
  DeviceFold& operator=(const DeviceFold&) = delete;

  void add(TakenWindow&& window);
  void add_health(const std::string& device, std::size_t step, double total, std::uint64_t samples);
  // By device, then version. What is outside of the grid is left out, and so is who measured nothing.
  std::vector<MeasuredDevice> take();

 private:
  using Key = std::pair<std::string, std::string>;
  std::vector<Measured>& steps_of(const std::string& device, const std::string& version);

  Metric metric_;
  SeriesGrid grid_;
  bool by_version_;
  std::map<Key, std::vector<Measured>> devices_;
  std::map<Key, std::vector<Measured>>::iterator last_ = devices_.end();  // rows of a device often come together
};

}  // namespace argosy::server

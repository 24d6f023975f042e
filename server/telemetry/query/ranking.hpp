// The worst devices by one metric over a stretch of time: exact, whatever the fleet, for every device is offered and
// the worst are kept. Who measured too little does not count: one slow inference of three makes no worst device. Pure;
// one owner at a time; memory for `most` devices.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/telemetry/query/device_fold.hpp"

namespace argosy::server {

inline constexpr std::size_t ranking_limit = 500;

struct RankedDevice {
  std::string device;
  double value = 0;
  std::uint64_t n = 0;  // observations
  std::optional<ShareBounds> bounds = {};
  std::uint64_t later = 0;             // of the labels of an accuracy
  std::optional<double> delay_s = {};  // of those
};

class Ranking {
 public:
  Ranking(Metric metric, Worse worse, std::size_t most, std::uint64_t least_samples)
      : metric_(std::move(metric)), worse_(worse), most_(most), least_samples_(least_samples) {}

  void add(const MeasuredDevice& device);                              // of one step
  const std::vector<RankedDevice>& devices() const { return worst_; }  // the worst first, equal ones by name
  std::uint64_t measured() const { return measured_; }                 // devices that have a value
  std::uint64_t with_too_few() const { return with_too_few_; }         // of these, that were left out

 private:
  bool comes_before(const RankedDevice& one, const RankedDevice& another) const;

  Metric metric_;
  Worse worse_;
  std::size_t most_;
  std::uint64_t least_samples_;
  std::vector<RankedDevice> worst_;
  std::uint64_t measured_ = 0;
  std::uint64_t with_too_few_ = 0;
};

}  // namespace argosy::server

// Reads the board's health from /proc, /sys and statvfs. What the board lacks is absent, never zero. One owner; each
// sample takes well under a millisecond.
#pragma once

#include <filesystem>
#include <optional>

#include "common/wire/telemetry.hpp"

namespace argosy::agent {

class HealthSampler {
 public:
  struct Options {
    std::filesystem::path disk;  // any path on the disk that holds the models
    std::filesystem::path proc = "/proc";
    std::filesystem::path sys = "/sys";
  };
  explicit HealthSampler(Options options) : options_(std::move(options)) {}

  // CPU load is since the last call, so the first sample has none.
  wire::HealthSample sample(Instant now);

 private:
  struct CpuTime {
    double busy = 0, total = 0;
  };
  void read_cpu(wire::HealthSample& sample);
  void read_memory(wire::HealthSample& sample) const;
  void read_disk(wire::HealthSample& sample) const;
  void read_temperatures(wire::HealthSample& sample) const;
  void read_network(wire::HealthSample& sample) const;
  void read_process(wire::HealthSample& sample) const;

  Options options_;
  std::optional<CpuTime> last_cpu_;
};

}  // namespace argosy::agent

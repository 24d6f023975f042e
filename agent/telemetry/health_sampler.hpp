// Reads the board's health from /proc, /sys and statvfs. What the board lacks is absent, never zero. The files of its
// sensors are looked for once and then now and again, because drivers load late and modems are plugged in; each sample
// opens only what was found. One owner; a sample takes about a millisecond, one more for each of NVIDIA's cards, and a
// quarter of a second when their driver hangs.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/telemetry/gpu_sensors.hpp"
#include "agent/telemetry/kernel_clock.hpp"
#include "agent/telemetry/network_links.hpp"
#include "agent/telemetry/patient_nvml.hpp"
#include "agent/telemetry/power_sensors.hpp"
#include "agent/telemetry/storage_sensors.hpp"
#include "agent/telemetry/thermal_sensors.hpp"
#include "common/wire/health.hpp"

namespace argosy::agent {

class HealthSampler {
 public:
  static constexpr Duration between_searches{600'000};

  struct Options {
    std::filesystem::path disk;  // any path on the disk that holds the models
    std::filesystem::path proc = "/proc";
    std::filesystem::path sys = "/sys";
    std::filesystem::path run = "/run";
    std::function<std::optional<bool>()> kernel_clock = kernel_clock_synchronised;
    std::string nvml = {};  // the library; empty: no NVIDIA card is asked
    Duration nvml_patience = PatientNvml::usual_patience;
  };
  explicit HealthSampler(Options options) : options_(std::move(options)) {}

  // CPU load is since the last call, so the first sample has none.
  wire::HealthSample sample(Instant now);

 private:
  struct CpuTime {
    double busy = 0, total = 0;
  };
  struct Sensors {
    ThermalSensors thermal;
    GpuSensors gpu;
    PowerSensors power;
    StorageSensors storage;
    NetworkLinks links;
  };
  const Sensors& sensors(Instant now);
  void read_cpu(wire::HealthSample& sample);
  void read_memory(wire::HealthSample& sample) const;
  void read_disk(wire::HealthSample& sample) const;
  void read_network(wire::HealthSample& sample) const;
  void read_clock(wire::HealthSample& sample) const;
  void read_process(wire::HealthSample& sample) const;

  Options options_;
  std::optional<CpuTime> last_cpu_;
  std::optional<Sensors> sensors_;
  std::unique_ptr<PatientNvml> nvml_;
  Rates rates_;
  Instant searched_at_{};
};

}  // namespace argosy::agent

// A health sample: how the board fares at one moment. What the board lacks, or does not let us read, is absent, never
// zero. Travels in telemetry (CBOR), and in the state document (JSON) while a backlog waits before it. Pure.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>

#include "common/base/instant.hpp"
#include "common/wire/numbers.hpp"

namespace argosy::wire {

inline constexpr double largest_reading = 1e18;  // either way; bytes since boot are the largest of them

struct HealthSample {
  Instant at{};
  std::optional<double> cpu_percent;
  std::optional<double> memory_used_mb;
  std::optional<double> memory_total_mb;
  std::optional<double> disk_free_mb;
  std::optional<double> disk_total_mb;
  std::optional<double> cpu_temperature_c;
  std::optional<double> gpu_temperature_c;
  std::optional<double> network_rx_bytes;  // since boot
  std::optional<double> network_tx_bytes;
  std::optional<double> uptime_s;
  std::optional<double> agent_rss_mb;
  std::optional<double> outbox_records;
  std::optional<double> disk_wear_percent;  // of its rated life used, at most: flash tells bands of 10; 110 is past it
  std::optional<double> disk_pre_eol;       // reserved blocks: 1 normal, 2 over 80 % used, 3 urgent
  std::optional<double> disk_temperature_c;
  std::optional<double> gpu_percent;
  std::optional<double> gpu_memory_used_mb;  // of its own; where it shares the board's memory there is none
  std::optional<double> gpu_memory_total_mb;
  std::optional<double> power_w;        // what the whole board draws
  std::optional<double> under_voltage;  // 1: the supply is too weak now, 0: it is not
  std::optional<double> throttled;      // 1: the CPU is held back because of heat now
  std::optional<double> battery_percent;
  std::optional<double> on_battery;          // 1: it runs down
  std::optional<double> clock_offset_ms;     // the device's clock less the server's; exact to about half a second
  std::optional<double> clock_synchronised;  // 1: to a time source
  std::optional<double> network_links_up;    // real interfaces with a link
  std::optional<double> network_speed_mbps;  // of the fastest of them
  std::optional<double> records_refused;     // by the server for good, and set aside; since the outbox was made
  std::optional<double> gpu_power_w;         // what the cards draw, together
  std::optional<double> gpu_awake_percent;   // where the GPU tells how long it slept, and not how busy it was
  std::optional<double> npu_percent;
  std::optional<double> npu_memory_used_mb;
  std::optional<double> cpu_power_w;  // what the processor draws, all its packages
  std::optional<double> npu_temperature_c;
  std::optional<double> readings_failed;       // 1: the device's own command for readings gave none, 0: it did
  std::optional<double> observations_refused;  // what programs told and did not count, since the agent started
  std::map<std::string, double> numbers;       // what that command read; at most most_numbers, names as a window's
  friend bool operator==(const HealthSample&, const HealthSample&) = default;
};

struct HealthField {
  const char* name;
  std::optional<double> HealthSample::*member;
};

// In the order in which they are written. A reader of any version takes at most 32 pairs, the time among them: so what
// came after the first 28 travels in a map of its own, "more".
inline constexpr std::size_t outer_health_fields = 28;
inline constexpr std::array<HealthField, 36> health_fields{{
    {"cpu_percent", &HealthSample::cpu_percent},
    {"memory_used_mb", &HealthSample::memory_used_mb},
    {"memory_total_mb", &HealthSample::memory_total_mb},
    {"disk_free_mb", &HealthSample::disk_free_mb},
    {"disk_total_mb", &HealthSample::disk_total_mb},
    {"cpu_temperature_c", &HealthSample::cpu_temperature_c},
    {"gpu_temperature_c", &HealthSample::gpu_temperature_c},
    {"network_rx_bytes", &HealthSample::network_rx_bytes},
    {"network_tx_bytes", &HealthSample::network_tx_bytes},
    {"uptime_s", &HealthSample::uptime_s},
    {"agent_rss_mb", &HealthSample::agent_rss_mb},
    {"outbox_records", &HealthSample::outbox_records},
    {"disk_wear_percent", &HealthSample::disk_wear_percent},
    {"disk_pre_eol", &HealthSample::disk_pre_eol},
    {"disk_temperature_c", &HealthSample::disk_temperature_c},
    {"gpu_percent", &HealthSample::gpu_percent},
    {"gpu_memory_used_mb", &HealthSample::gpu_memory_used_mb},
    {"gpu_memory_total_mb", &HealthSample::gpu_memory_total_mb},
    {"power_w", &HealthSample::power_w},
    {"under_voltage", &HealthSample::under_voltage},
    {"throttled", &HealthSample::throttled},
    {"battery_percent", &HealthSample::battery_percent},
    {"on_battery", &HealthSample::on_battery},
    {"clock_offset_ms", &HealthSample::clock_offset_ms},
    {"clock_synchronised", &HealthSample::clock_synchronised},
    {"network_links_up", &HealthSample::network_links_up},
    {"network_speed_mbps", &HealthSample::network_speed_mbps},
    {"records_refused", &HealthSample::records_refused},
    {"gpu_power_w", &HealthSample::gpu_power_w},
    {"gpu_awake_percent", &HealthSample::gpu_awake_percent},
    {"npu_percent", &HealthSample::npu_percent},
    {"npu_memory_used_mb", &HealthSample::npu_memory_used_mb},
    {"readings_failed", &HealthSample::readings_failed},
    {"cpu_power_w", &HealthSample::cpu_power_w},
    {"npu_temperature_c", &HealthSample::npu_temperature_c},
    {"observations_refused", &HealthSample::observations_refused},
}};

// The values that are there as a JSON object, under the names of the fields and the numbers under "custom.NAME";
// without the time.
std::string health_values_json(const HealthSample& sample);

}  // namespace argosy::wire

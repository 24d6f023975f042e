#include "agent/telemetry/gpu_sensors.hpp"

#include <algorithm>

#include "agent/telemetry/thermal_sensors.hpp"

namespace argosy::agent {

namespace {

constexpr double bytes_per_mb = 1024.0 * 1024.0;
constexpr double most_bytes = 1e15;  // more is no card's memory

// Jetson's GPU among the devices whose frequency is scaled: "17000000.gpu", before JetPack 6 "17000000.ga10b" (Orin),
// ".gv11b" (Xavier), ".gp10b" (TX2), "57000000.gpu" (Nano).
bool is_jetson_gpu(const std::string& name) {
  return name.ends_with(".gpu") || name.ends_with(".ga10b") || name.ends_with(".gv11b") || name.ends_with(".gp10b");
}

std::vector<sysfs::Path> jetson_loads(const sysfs::Path& sys) {
  for (const char* alias : {"devices/platform/gpu.0/load", "devices/gpu.0/load"})
    if (sysfs::is_there(sys / alias)) return {sys / alias};
  std::vector<sysfs::Path> loads;
  for (const auto& device : sysfs::children(sys / "class/devfreq", ""))
    if (is_jetson_gpu(device.filename().string()) && sysfs::is_there(device / "device/load"))
      loads.push_back(device / "device/load");
  return loads;
}

// Tenths of a percent.
std::optional<double> jetson_percent(const sysfs::Path& load) {
  const auto tenths = sysfs::read_number(load);
  if (!tenths || *tenths < 0 || *tenths > 1000) return std::nullopt;
  return *tenths / 10;
}

void add_bytes(std::optional<double>& sum_mb, std::optional<double> bytes) {
  if (bytes && *bytes >= 0 && *bytes < most_bytes) sum_mb = sum_mb.value_or(0) + *bytes / bytes_per_mb;
}

}  // namespace

GpuSensors::GpuSensors(const sysfs::Path& sys) : jetson_loads_(jetson_loads(sys)) {
  for (const auto& card : sysfs::children(sys / "class/drm", "card")) {
    if (card.filename().string().find('-') != std::string::npos) continue;  // a connector of a card
    if (!sysfs::is_there(card / "device/mem_info_vram_total")) continue;
    Card found{card / "device", {}};
    for (const auto& chip : sysfs::children(found.device / "hwmon", "hwmon"))
      found.temperatures.push_back(chip / "temp1_input");
    amd_cards_.push_back(std::move(found));
  }
}

void GpuSensors::read(wire::HealthSample& sample) const {
  for (const auto& load : jetson_loads_) raise_to(sample.gpu_percent, jetson_percent(load));
  for (const auto& card : amd_cards_) read_card(card, sample);
}

// Percent and bytes: Documentation/gpu/amdgpu/driver-misc.rst and thermal.rst. A card that sleeps is left asleep.
void GpuSensors::read_card(const Card& card, wire::HealthSample& sample) {
  if (sysfs::read_line(card.device / "power/runtime_status") == "suspended") return;
  const auto busy = sysfs::read_number(card.device / "gpu_busy_percent");
  if (busy && *busy >= 0 && *busy <= 100) raise_to(sample.gpu_percent, busy);
  add_bytes(sample.gpu_memory_used_mb, sysfs::read_number(card.device / "mem_info_vram_used"));
  add_bytes(sample.gpu_memory_total_mb, sysfs::read_number(card.device / "mem_info_vram_total"));
  for (const auto& file : card.temperatures) raise_to(sample.gpu_temperature_c, temperature_of(file));
}

}  // namespace argosy::agent

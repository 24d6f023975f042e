#include "agent/telemetry/gpu_sensors.hpp"

#include <algorithm>

#include "agent/telemetry/thermal_sensors.hpp"

namespace argosy::agent {

namespace {

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

void add(std::optional<double>& sum, std::optional<double> value) {
  if (value) sum = sum.value_or(0) + *value;
}

void add_bytes(std::optional<double>& sum_mb, std::optional<double> bytes) {
  if (bytes && *bytes >= 0 && *bytes < most_bytes) add(sum_mb, *bytes / sysfs::bytes_per_mb);
}

void add_watts(std::optional<double>& sum, std::optional<double> watts) {
  if (watts && *watts >= 0 && *watts < sysfs::most_watts) add(sum, watts);
}

bool is_connector(const sysfs::Path& card) {
  return card.filename().string().find('-') != std::string::npos;
}

// i915 has them below gt/gt0, before Linux 6.2 below power; xe below the device's tiles.
std::vector<sysfs::Path> intel_idle_ms(const sysfs::Path& card) {
  std::vector<sysfs::Path> files;
  for (const auto& gt : sysfs::children(card / "gt", "gt"))
    if (sysfs::is_there(gt / "rc6_residency_ms")) files.push_back(gt / "rc6_residency_ms");
  if (files.empty() && sysfs::is_there(card / "power/rc6_residency_ms"))
    files.push_back(card / "power/rc6_residency_ms");
  for (const auto& tile : sysfs::children(card / "device", "tile"))
    for (const auto& gt : sysfs::children(tile, "gt"))
      if (sysfs::is_there(gt / "gtidle/idle_residency_ms")) files.push_back(gt / "gtidle/idle_residency_ms");
  return files;
}

}  // namespace

GpuSensors::GpuSensors(const sysfs::Path& sys) : jetson_loads_(jetson_loads(sys)) {
  for (const auto& card : sysfs::children(sys / "class/drm", "card"))
    if (!is_connector(card)) find_card(card);
  for (const auto& accelerator : sysfs::children(sys / "class/accel", "accel"))
    if (sysfs::is_there(accelerator / "device/npu_busy_time_us")) npus_.push_back(accelerator / "device");
}

void GpuSensors::find_card(const sysfs::Path& card) {
  const auto chips = sysfs::children(card / "device/hwmon", "hwmon");
  if (sysfs::is_there(card / "device/mem_info_vram_total")) {
    amd_cards_.push_back({card / "device", chips});
    return;
  }
  for (const auto& file : intel_idle_ms(card)) idle_ms_.push_back(file);
  for (const auto& chip : chips)
    if (sysfs::is_there(chip / "energy1_input")) energies_.push_back(chip / "energy1_input");
}

// Energy: Documentation/ABI/testing/sysfs-driver-intel-i915-hwmon. Intel tells through sysfs how long a GPU slept, and
// not how busy it was while awake.
void GpuSensors::read(wire::HealthSample& sample, Rates& rates) const {
  const auto rate = [&](const sysfs::Path& file) {
    return rates.per_second(file.string(), sysfs::read_number(file), sample.uptime_s);
  };
  for (const auto& load : jetson_loads_) raise_to(sample.gpu_percent, jetson_percent(load));
  for (const auto& card : amd_cards_) read_card(card, sample);
  for (const auto& file : idle_ms_)
    if (const auto idle = rate(file)) raise_to(sample.gpu_awake_percent, std::clamp(100 - *idle / 10, 0.0, 100.0));
  for (const auto& file : energies_)
    if (const auto microwatts = rate(file)) add_watts(sample.gpu_power_w, *microwatts / 1e6);
  for (const auto& npu : npus_) {
    if (const auto busy = rate(npu / "npu_busy_time_us"))
      raise_to(sample.npu_percent, std::clamp(*busy / 1e4, 0.0, 100.0));
    add_bytes(sample.npu_memory_used_mb, sysfs::read_number(npu / "npu_memory_utilization"));
  }
}

// Percent, bytes and microwatts: Documentation/gpu/amdgpu/driver-misc.rst and thermal.rst. A card that sleeps is left
// asleep.
void GpuSensors::read_card(const AmdCard& card, wire::HealthSample& sample) {
  if (sysfs::read_line(card.device / "power/runtime_status") == "suspended") return;
  const auto busy = sysfs::read_number(card.device / "gpu_busy_percent");
  if (busy && *busy >= 0 && *busy <= 100) raise_to(sample.gpu_percent, busy);
  add_bytes(sample.gpu_memory_used_mb, sysfs::read_number(card.device / "mem_info_vram_used"));
  add_bytes(sample.gpu_memory_total_mb, sysfs::read_number(card.device / "mem_info_vram_total"));
  for (const auto& chip : card.chips) {
    raise_to(sample.gpu_temperature_c, temperature_of(chip / "temp1_input"));
    auto microwatts = sysfs::read_number(chip / "power1_average");
    if (!microwatts) microwatts = sysfs::read_number(chip / "power1_input");
    if (microwatts) add_watts(sample.gpu_power_w, *microwatts / 1e6);
  }
}

}  // namespace argosy::agent

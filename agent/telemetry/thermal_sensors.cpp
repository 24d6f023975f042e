#include "agent/telemetry/thermal_sensors.hpp"

#include <algorithm>
#include <cctype>

namespace argosy::agent {

namespace {

bool contains_any(std::string text, std::initializer_list<std::string_view> words) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

// Passive cooling of a CPU by the kernel: "thermal-cpufreq-0", in newer kernels "cpufreq-cpu0", with ACPI "Processor".
bool slows_cpu(const std::string& cooler) {
  return cooler.starts_with("thermal-cpufreq") || cooler.starts_with("cpufreq-") || cooler == "Processor";
}

}  // namespace

std::optional<double> temperature_of(const sysfs::Path& millidegrees) {
  const auto read = sysfs::read_number(millidegrees);
  if (!read || *read <= -60'000 || *read >= 200'000) return std::nullopt;
  return *read / 1000;
}

void raise_to(std::optional<double>& highest, std::optional<double> value) {
  if (value) highest = std::max(highest.value_or(*value), *value);
}

// Zones and coolers: Documentation/driver-api/thermal/sysfs-api.rst.
ThermalSensors::ThermalSensors(const sysfs::Path& sys) {
  for (const auto& zone : sysfs::children(sys / "class/thermal", "thermal_zone")) {
    const std::string type = sysfs::read_line(zone / "type").value_or("");
    if (contains_any(type, {"gpu"}))
      gpu_.push_back(zone / "temp");
    else if (contains_any(type, {"cpu", "soc", "x86_pkg", "core", "acpitz"}))
      cpu_.push_back(zone / "temp");
  }
  for (const auto& cooler : sysfs::children(sys / "class/thermal", "cooling_device"))
    if (slows_cpu(sysfs::read_line(cooler / "type").value_or(""))) cpu_coolers_.push_back(cooler / "cur_state");
  if (!cpu_.empty()) return;
  for (const char* driver : {"coretemp", "k10temp"})  // a PC whose firmware has no zone
    for (const auto& chip : sysfs::hwmons(sys, driver)) cpu_.push_back(chip / "temp1_input");
}

void ThermalSensors::read(wire::HealthSample& sample) const {
  for (const auto& file : cpu_) raise_to(sample.cpu_temperature_c, temperature_of(file));
  for (const auto& file : gpu_) raise_to(sample.gpu_temperature_c, temperature_of(file));
  for (const auto& file : cpu_coolers_)
    if (const auto state = sysfs::read_number(file)) raise_to(sample.throttled, *state > 0 ? 1 : 0);
}

}  // namespace argosy::agent

#include "agent/telemetry/thermal_sensors.hpp"

#include <algorithm>
#include <cctype>
#include <set>

namespace argosy::agent {

namespace {

bool contains_any(std::string text, std::initializer_list<std::string_view> words) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

constexpr double least_share_held_back = 0.05;  // of the time between two samples

// Of each package once: its CPUs all tell the same.
std::vector<sysfs::Path> package_throttle_times(const sysfs::Path& sys) {
  std::vector<sysfs::Path> files;
  std::set<std::string> packages;
  for (const auto& cpu : sysfs::children(sys / "devices/system/cpu", "cpu")) {
    const sysfs::Path file = cpu / "thermal_throttle/package_throttle_total_time_ms";
    if (!sysfs::is_there(file)) continue;
    if (packages.insert(sysfs::read_line(cpu / "topology/physical_package_id").value_or("")).second)
      files.push_back(file);
  }
  return files;
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
ThermalSensors::ThermalSensors(const sysfs::Path& sys)
    : held_back_ms_(package_throttle_times(sys)), pi_faults_(sysfs::raspberry_pi_faults(sys)) {
  for (const auto& zone : sysfs::children(sys / "class/thermal", "thermal_zone")) {
    const std::string type = sysfs::read_line(zone / "type").value_or("");
    if (contains_any(type, {"gpu"}))
      gpu_.push_back(zone / "temp");
    else if (contains_any(type, {"npu"}))
      npu_.push_back(zone / "temp");
    else if (contains_any(type, {"cpu", "soc", "x86_pkg", "core", "acpitz"}))
      cpu_.push_back(zone / "temp");
  }
  for (const auto& apex : sysfs::children(sys / "class/apex", "apex_")) npu_.push_back(apex / "temp");
  for (const auto& cooler : sysfs::children(sys / "class/thermal", "cooling_device"))
    if (slows_cpu(sysfs::read_line(cooler / "type").value_or(""))) cpu_coolers_.push_back(cooler / "cur_state");
  if (!cpu_.empty()) return;
  for (const char* driver : {"coretemp", "k10temp"})  // a PC whose firmware has no zone
    for (const auto& chip : sysfs::hwmons(sys, driver)) cpu_.push_back(chip / "temp1_input");
}

// Intel's counters: arch/x86 therm_throt.c in drivers/thermal/intel. The Edge TPU's heat: its driver, apex.
void ThermalSensors::read(wire::HealthSample& sample, Rates& rates) const {
  for (const auto& file : cpu_) raise_to(sample.cpu_temperature_c, temperature_of(file));
  for (const auto& file : gpu_) raise_to(sample.gpu_temperature_c, temperature_of(file));
  for (const auto& file : cpu_coolers_)
    if (const auto state = sysfs::read_number(file)) raise_to(sample.throttled, *state > 0 ? 1 : 0);
  for (const auto& file : npu_) raise_to(sample.npu_temperature_c, temperature_of(file));
  for (const auto& file : held_back_ms_)
    if (const auto ms_a_second = rates.per_second(file.string(), sysfs::read_number(file), sample.uptime_s))
      raise_to(sample.throttled, *ms_a_second / 1000 >= least_share_held_back ? 1 : 0);
  if (!pi_faults_) return;
  if (const auto faults = sysfs::read_codes(*pi_faults_); faults.size() == 1)
    raise_to(sample.throttled, (faults[0] & sysfs::pi_held_back) != 0 ? 1 : 0);
}

}  // namespace argosy::agent

#include "agent/telemetry/health_sampler.hpp"

#include <algorithm>
#include <sstream>

#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/file.hpp"

namespace argosy::agent {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t max_proc_bytes = 256 << 10;
constexpr double mb = 1024.0 * 1024.0;

std::istringstream open(const fs::path& path) {
  auto text = read_file(path, max_proc_bytes);
  return std::istringstream(text ? std::move(*text) : std::string());
}

std::string first_word(const fs::path& path) {
  std::string word;
  open(path) >> word;
  return word;
}

void raise_to(std::optional<double>& highest, double value) {
  highest = std::max(highest.value_or(value), value);
}

// Millidegrees, as sysfs has them; what no sensor can mean is left out.
std::optional<double> temperature(const fs::path& file) {
  double millidegrees = 0;
  auto in = open(file);
  if (!(in >> millidegrees)) return std::nullopt;
  const double degrees = millidegrees / 1000.0;
  return degrees > -60 && degrees < 200 ? std::optional(degrees) : std::nullopt;
}

bool contains_any(std::string text, std::initializer_list<std::string_view> words) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

}  // namespace

wire::HealthSample HealthSampler::sample(Instant now) {
  wire::HealthSample sample;
  sample.at = now;
  read_cpu(sample);
  read_memory(sample);
  read_disk(sample);
  read_temperatures(sample);
  read_network(sample);
  read_process(sample);
  return sample;
}

// /proc/stat: user nice system idle iowait irq softirq steal, in ticks since boot.
void HealthSampler::read_cpu(wire::HealthSample& sample) {
  auto in = open(options_.proc / "stat");
  std::string name;
  in >> name;
  double ticks[8] = {};
  for (double& tick : ticks)
    if (!(in >> tick)) return;
  CpuTime now;
  for (const double tick : ticks) now.total += tick;
  now.busy = now.total - ticks[3] - ticks[4];
  if (last_cpu_ && now.total > last_cpu_->total)
    sample.cpu_percent = std::clamp(100.0 * (now.busy - last_cpu_->busy) / (now.total - last_cpu_->total), 0.0, 100.0);
  last_cpu_ = now;
}

void HealthSampler::read_memory(wire::HealthSample& sample) const {
  auto in = open(options_.proc / "meminfo");
  std::string name, unit;
  double kb = 0;
  std::optional<double> total, available;
  while (in >> name >> kb) {
    std::getline(in, unit);
    if (name == "MemTotal:") total = kb / 1024.0;
    if (name == "MemAvailable:") available = kb / 1024.0;
  }
  sample.memory_total_mb = total;
  if (total && available) sample.memory_used_mb = *total - *available;
}

void HealthSampler::read_disk(wire::HealthSample& sample) const {
  struct statvfs info {};
  if (::statvfs(options_.disk.c_str(), &info) != 0) return;
  sample.disk_free_mb = static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize) / mb;
  sample.disk_total_mb = static_cast<double>(info.f_blocks) * static_cast<double>(info.f_frsize) / mb;
}

void HealthSampler::read_temperatures(wire::HealthSample& sample) const {
  std::error_code failed;
  for (const auto& zone : fs::directory_iterator(options_.sys / "class/thermal", failed)) {
    if (!zone.path().filename().string().starts_with("thermal_zone")) continue;
    const auto degrees = temperature(zone.path() / "temp");
    if (!degrees) continue;
    const std::string type = first_word(zone.path() / "type");
    if (contains_any(type, {"gpu"}))
      raise_to(sample.gpu_temperature_c, *degrees);
    else if (contains_any(type, {"cpu", "soc", "x86_pkg", "core", "acpitz"}))
      raise_to(sample.cpu_temperature_c, *degrees);
  }
}

void HealthSampler::read_network(wire::HealthSample& sample) const {
  auto in = open(options_.proc / "net/dev");
  std::string line;
  std::getline(in, line);
  std::getline(in, line);
  while (std::getline(in, line)) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::istringstream name_in(line.substr(0, colon));
    std::string name;
    name_in >> name;
    if (name == "lo") continue;
    std::istringstream counts(line.substr(colon + 1));
    double columns[9] = {};
    for (double& column : columns) counts >> column;
    if (!counts) continue;
    sample.network_rx_bytes = sample.network_rx_bytes.value_or(0) + columns[0];
    sample.network_tx_bytes = sample.network_tx_bytes.value_or(0) + columns[8];
  }
}

void HealthSampler::read_process(wire::HealthSample& sample) const {
  double uptime = 0;
  if (open(options_.proc / "uptime") >> uptime) sample.uptime_s = uptime;
  double pages = 0, resident = 0;
  if (open(options_.proc / "self/statm") >> pages >> resident)
    sample.agent_rss_mb = resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / mb;
}

}  // namespace argosy::agent

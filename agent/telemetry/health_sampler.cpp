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

}  // namespace

wire::HealthSample HealthSampler::sample(Instant now) {
  wire::HealthSample sample;
  sample.at = now;
  read_cpu(sample);
  read_memory(sample);
  read_disk(sample);
  read_network(sample);
  read_clock(sample);
  read_process(sample);
  const Sensors& board = sensors(now);
  board.thermal.read(sample, rates_);
  board.gpu.read(sample, rates_);
  if (nvml_ && !nvml_->read(sample)) nvml_.reset();
  board.power.read(sample, rates_);
  board.storage.read(sample);
  board.links.read(sample);
  return sample;
}

const HealthSampler::Sensors& HealthSampler::sensors(Instant now) {
  const auto since = now - searched_at_;
  if (sensors_ && since >= Duration::zero() && since < between_searches) return *sensors_;
  searched_at_ = now;
  if (!nvml_ && !options_.nvml.empty()) nvml_ = PatientNvml::open(options_.nvml, options_.nvml_patience);
  return sensors_.emplace(Sensors{ThermalSensors(options_.sys), GpuSensors(options_.sys), PowerSensors(options_.sys),
                                  StorageSensors(options_.sys, options_.disk), NetworkLinks(options_.sys)});
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

void HealthSampler::read_clock(wire::HealthSample& sample) const {
  auto synchronised = options_.kernel_clock();
  if (!synchronised) synchronised = timesyncd_synchronised(options_.run);
  if (synchronised) sample.clock_synchronised = *synchronised ? 1 : 0;
}

void HealthSampler::read_process(wire::HealthSample& sample) const {
  double uptime = 0;
  if (open(options_.proc / "uptime") >> uptime) sample.uptime_s = uptime;
  double pages = 0, resident = 0;
  if (open(options_.proc / "self/statm") >> pages >> resident)
    sample.agent_rss_mb = resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / mb;
}

}  // namespace argosy::agent

#include "agent/telemetry/storage_sensors.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/telemetry/thermal_sensors.hpp"

namespace argosy::agent {

namespace {

constexpr int max_stacked = 4;    // volumes on one another: encryption on LVM on a partition
constexpr int max_ancestors = 8;  // from a disk up to its controller

// The folder of the disk behind a block device; a volume on more than one disk has none.
std::optional<sysfs::Path> whole_disk(sysfs::Path device) {
  for (int depth = 0; depth < max_stacked; ++depth) {
    std::error_code failed;
    device = std::filesystem::canonical(device, failed);
    if (failed) return std::nullopt;
    if (sysfs::is_there(device / "partition")) device = device.parent_path();
    const auto below = sysfs::children(device / "slaves", "");
    if (below.empty()) return device;
    if (below.size() > 1) return std::nullopt;
    device = below.front();
  }
  return std::nullopt;
}

std::optional<sysfs::Path> disk_of(const sysfs::Path& sys, const sysfs::Path& on_disk) {
  struct stat info {};
  if (::stat(on_disk.c_str(), &info) != 0) return std::nullopt;
  return whole_disk(sys / "dev/block" /
                    (std::to_string(major(info.st_dev)) + ":" + std::to_string(minor(info.st_dev))));
}

}  // namespace

StorageSensors::StorageSensors(const sysfs::Path& sys, const sysfs::Path& on_disk) {
  const auto disk = disk_of(sys, on_disk);
  if (!disk) return;
  std::error_code failed;
  const sysfs::Path top = std::filesystem::canonical(sys, failed);
  sysfs::Path device = *disk;
  for (int up = 0; up < max_ancestors && device != top && device.has_relative_path(); ++up) {
    look_at(device);
    device = device.parent_path();
  }
}

// An eMMC's card and a UFS controller lie above their disk, as does the folder of the chip that measures a disk's heat.
void StorageSensors::look_at(const sysfs::Path& device) {
  if (life_times_.empty() && sysfs::is_there(device / "life_time")) {
    life_times_ = {device / "life_time"};
    pre_eol_ = device / "pre_eol_info";
  }
  const sysfs::Path ufs = device / "health_descriptor";
  if (life_times_.empty() && sysfs::is_there(ufs)) {
    life_times_ = {ufs / "life_time_estimation_a", ufs / "life_time_estimation_b"};
    pre_eol_ = ufs / "eol_info";
  }
  if (!temperature_.empty()) return;
  auto chips = sysfs::children(device / "hwmon", "hwmon");
  for (auto& chip : sysfs::children(device, "hwmon")) chips.push_back(std::move(chip));
  for (const auto& chip : chips) {
    const auto driver = sysfs::read_line(chip / "name");
    if (driver == "nvme" || driver == "drivetemp") temperature_ = chip / "temp1_input";
  }
}

// JEDEC JESD84-B51, DEVICE_LIFE_TIME_EST: 0x01 is up to 10 % used, 0x0a up to 100 %, 0x0b more; 0x00 says nothing.
// PRE_EOL_INFO: 1 normal, 2 warning, 3 urgent. UFS has the same codes.
void StorageSensors::read(wire::HealthSample& sample) const {
  for (const auto& file : life_times_)
    for (const unsigned code : sysfs::read_codes(file))
      if (code >= 1 && code <= 11) raise_to(sample.disk_wear_percent, 10.0 * code);
  if (!pre_eol_.empty()) {
    const auto codes = sysfs::read_codes(pre_eol_);
    if (codes.size() == 1 && codes[0] >= 1 && codes[0] <= 3) sample.disk_pre_eol = codes[0];
  }
  if (!temperature_.empty()) sample.disk_temperature_c = temperature_of(temperature_);
}

}  // namespace argosy::agent

// How worn and how warm the disk is that holds the models: eMMC and UFS tell their wear in sysfs, NVMe and SATA disks
// only to root. Finds the disk once; each reading opens only its files.
#pragma once

#include "agent/telemetry/sysfs.hpp"
#include "common/wire/health.hpp"

namespace argosy::agent {

class StorageSensors {
 public:
  // `on_disk` is any path on it.
  StorageSensors(const sysfs::Path& sys, const sysfs::Path& on_disk);
  void read(wire::HealthSample& sample) const;

 private:
  void look_at(const sysfs::Path& device);

  std::vector<sysfs::Path> life_times_;
  sysfs::Path pre_eol_;
  sysfs::Path temperature_;
};

}  // namespace argosy::agent

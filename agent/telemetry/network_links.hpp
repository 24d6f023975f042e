// How many real network interfaces have a link, and how fast the fastest is. Bridges, tunnels and a container's own
// have no device behind them and do not count. Finds its files once; each reading opens only those.
#pragma once

#include <vector>

#include "agent/telemetry/sysfs.hpp"
#include "common/wire/health.hpp"

namespace argosy::agent {

class NetworkLinks {
 public:
  explicit NetworkLinks(const sysfs::Path& sys);
  void read(wire::HealthSample& sample) const;

 private:
  std::vector<sysfs::Path> interfaces_;
};

}  // namespace argosy::agent

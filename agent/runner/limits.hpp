// What this process allows itself before it touches a model that nobody has vouched for yet. Start-up only.
#pragma once

#include <filesystem>
#include <vector>

#include "agent/runner/box.hpp"
#include "agent/runner/network.hpp"
#include "common/base/error.hpp"

namespace argosy::agent {

struct Confinement {
  Network network = Network::open;
  Box box = Box::open;
};

// Memory: `max_memory_mb` of data on top of what is mapped now. CPU time: after `cpu_seconds` the process prints a
// `timeout` failure and ends. Few files, no core file, low priority, no new privileges.
Result<void> limit_this_process(int max_memory_mb, int cpu_seconds);
// No network, no capabilities, no files but the `readable` ones and the system's: says how far that is permitted here.
// All of it holds for programs that this one starts, too.
Confinement confine_this_process(const std::vector<std::filesystem::path>& readable);

// The highest resident memory of this program so far (VmHWM: unlike ru_maxrss it does not count the parent's before
// exec), in MB; 0 when the system does not say.
double peak_memory_mb();

}  // namespace argosy::agent

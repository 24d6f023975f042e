#include "agent/runner/limits.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/file.hpp"

namespace argosy::agent {
namespace {

#ifdef ARGOSY_SANITIZE
constexpr bool memory_can_be_limited = false;  // sanitizers reserve terabytes of addresses
#else
constexpr bool memory_can_be_limited = true;
#endif

constexpr rlim_t mapped_files_bytes = rlim_t{4} << 30;  // two data sets at their limit

constexpr char out_of_time[] =
    "{\"ok\":false,\"error\":{\"type\":\"timeout\",\"message\":\"the model used up its CPU time: raise the release's "
    "timeout or make the model faster\"}}\n";

void end_out_of_time(int) {
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, out_of_time, sizeof out_of_time - 1);
  ::_exit(1);
}

Result<void> set_limit(__rlimit_resource resource, const char* name, rlim_t soft, rlim_t hard) {
  rlimit now{};
  ::getrlimit(resource, &now);
  const rlimit wanted{std::min(soft, now.rlim_max), std::min(hard, now.rlim_max)};
  if (::setrlimit(resource, &wanted) != 0) return errno_error(std::string("cannot limit ") + name, errno);
  return {};
}

// A value of /proc/self/status in kB; 0 when it is not there.
std::uint64_t status_kb(std::string_view key) {
  std::ifstream file("/proc/self/status");
  std::uint64_t value = 0;
  for (std::string line; std::getline(file, line);) {
    if (!std::string_view(line).starts_with(key)) continue;
    const std::size_t digits = line.find_first_of("0123456789");
    if (digits != std::string::npos) std::from_chars(line.data() + digits, line.data() + line.size(), value);
    break;
  }
  return value;
}

// RLIMIT_DATA counts what can be written to and so comes close to memory used; RLIMIT_AS is the wider fence around it,
// with room for data sets and model files that are mapped to be read.
Result<void> limit_memory(int max_memory_mb) {
  const rlim_t allowed = static_cast<rlim_t>(max_memory_mb) << 20;
  const rlim_t data = (status_kb("VmData:") << 10) + allowed;
  const rlim_t addresses = (status_kb("VmSize:") << 10) + 2 * allowed + mapped_files_bytes;
  ::mallopt(M_ARENA_MAX, 1);  // further arenas reserve 64 MB each
  ARGOSY_CHECK(set_limit(RLIMIT_AS, "addresses", addresses, addresses));
  return set_limit(RLIMIT_DATA, "data", data, data);
}

}  // namespace

Result<void> limit_this_process(int max_memory_mb, int cpu_seconds) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_error("cannot give up new privileges", errno);
  ::setpriority(PRIO_PROCESS, 0, 10);
  const auto seconds = static_cast<rlim_t>(cpu_seconds);
  std::signal(SIGXCPU, end_out_of_time);
  ARGOSY_CHECK(set_limit(RLIMIT_CPU, "CPU time", seconds, seconds + 1));
  ARGOSY_CHECK(set_limit(RLIMIT_CORE, "core files", 0, 0));
  ARGOSY_CHECK(set_limit(RLIMIT_NOFILE, "open files", 64, 64));
  if (memory_can_be_limited) ARGOSY_CHECK(limit_memory(max_memory_mb));
  return {};
}

Confinement confine_this_process(const std::vector<std::filesystem::path>& readable) {
  Confinement confinement;
  confinement.network = leave_network();
  confinement.box = enter_box(readable);
  return confinement;
}

double peak_memory_mb() {
  return static_cast<double>(status_kb("VmHWM:")) / 1024;
}

}  // namespace argosy::agent

#include "server/monitoring/process_figures.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

namespace argosy::server {
namespace {

namespace fs = std::filesystem;

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
}

double resident_bytes() {
  double pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double open_files() {
  std::error_code unreadable;
  return static_cast<double>(std::distance(fs::directory_iterator("/proc/self/fd", unreadable), {}));
}

double most_open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

// Since 1970: when the machine was started, and how long after that this process was.
double start_seconds() {
  double booted = 0;
  std::ifstream of_machine("/proc/stat");
  for (std::string word; of_machine >> word;)
    if (word == "btime") of_machine >> booted;
  std::ifstream of_process("/proc/self/stat");
  std::string line;
  std::getline(of_process, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return booted;
  std::size_t at = name_end + 1;
  for (int field = 3; field < 22 && at != std::string::npos; ++field) at = line.find(' ', at + 1);
  if (at == std::string::npos) return booted;
  return booted + std::stod(line.substr(at + 1)) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

FigureFamily one(std::string name, std::string help, MetricKind kind, double value, MetricLabels labels = {}) {
  FigureFamily family{std::move(name), std::move(help), kind};
  family.add(std::move(labels), value);
  return family;
}

}  // namespace

std::vector<FigureFamily> process_figures(const std::string& version) {
  using enum MetricKind;
  static const double started = start_seconds();
  return {one("argosy_build_info", "1, of the version that runs", gauge, 1, {{"version", version}}),
          one("process_cpu_seconds_total", "Processor time, of user and system", counter, cpu_seconds()),
          one("process_resident_memory_bytes", "Memory that is resident", gauge, resident_bytes()),
          one("process_open_fds", "Open files; each connection is one", gauge, open_files()),
          one("process_max_fds", "Open files that there may be", gauge, most_open_files()),
          one("process_start_time_seconds", "When the process began, since 1970", gauge, started)};
}

}  // namespace argosy::server

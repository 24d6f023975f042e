#include "server/monitoring/process_figures.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

double value_of(const std::string& name) {
  const auto families = process_figures("1.2");
  const auto found =
      std::find_if(families.begin(), families.end(), [&name](const FigureFamily& each) { return each.name == name; });
  return found == families.end() ? -1 : std::get<double>(found->samples.at(0).value);
}

TEST(ProcessFigures, AreTheKernels) {
  const double open = value_of("process_open_fds");
  EXPECT_GT(open, 2);
  const std::ifstream one_more("/proc/self/stat");
  EXPECT_EQ(value_of("process_open_fds"), open + 1);
  EXPECT_GE(value_of("process_max_fds"), open);
  EXPECT_GT(value_of("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value_of("process_cpu_seconds_total"), 0);
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const auto now = std::chrono::duration<double>(since_1970).count();
  EXPECT_NEAR(value_of("process_start_time_seconds"), now, 600) << "the boot time is told to the second";
}

TEST(ProcessFigures, NameTheBuild) {
  EXPECT_NE(prometheus_text(process_figures("1.2")).find("argosy_build_info{version=\"1.2\"} 1\n"), std::string::npos);
}

}  // namespace
}  // namespace argosy::server

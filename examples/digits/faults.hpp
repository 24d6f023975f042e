// Faults for demonstrations: what a small JSON file says, looked at once a second. One thread.
#pragma once

#include <chrono>
#include <filesystem>

namespace digits {

struct Faults {
  bool blur = false;                      // a dirty lens
  std::chrono::milliseconds slow_for{0};  // spent inside each inference
};

// {"blur": true, "slow_ms": 5}, both optional. What is not understood is no fault.
Faults read_faults(const std::filesystem::path& file);

class FaultFile {
 public:
  using Clock = std::chrono::steady_clock;
  explicit FaultFile(std::filesystem::path file) : file_(std::move(file)) {}
  // The faults of now; reads the file again only when its time changed.
  const Faults& at(Clock::time_point now);

 private:
  std::filesystem::path file_;
  Faults faults_;
  Clock::time_point next_look_{};
  std::filesystem::file_time_type changed_{};
};

}  // namespace digits

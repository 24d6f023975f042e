#include "examples/digits/faults.hpp"

#include <algorithm>
#include <fstream>

#include <nlohmann/json.hpp>

namespace digits {

Faults read_faults(const std::filesystem::path& file) {
  std::ifstream stream(file);
  const auto document = nlohmann::json::parse(stream, nullptr, false);
  Faults faults;
  if (!document.is_object()) return faults;
  if (const auto blur = document.find("blur"); blur != document.end() && blur->is_boolean()) faults.blur = *blur;
  if (const auto slow = document.find("slow_ms"); slow != document.end() && slow->is_number())
    faults.slow_for = std::chrono::milliseconds(std::clamp<int>(slow->get<int>(), 0, 10'000));
  return faults;
}

const Faults& FaultFile::at(Clock::time_point now) {
  if (file_.empty() || now < next_look_) return faults_;
  next_look_ = now + std::chrono::seconds(1);
  std::error_code missing;
  const auto changed = std::filesystem::last_write_time(file_, missing);
  if (missing) {
    faults_ = {};
    changed_ = {};
  } else if (changed != changed_) {
    changed_ = changed;
    faults_ = read_faults(file_);
  }
  return faults_;
}

}  // namespace digits

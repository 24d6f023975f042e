#include "agent/telemetry/sysfs.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <system_error>

#include "common/base/file.hpp"

namespace argosy::agent::sysfs {

namespace {

constexpr std::uint64_t max_sysfs_bytes = 4096;  // an attribute is at most a page

}  // namespace

std::optional<std::string> read_line(const Path& file) {
  const auto text = read_file(file, max_sysfs_bytes);
  if (!text) return std::nullopt;
  // Device tree properties end with a zero byte.
  std::string line = text->substr(0, text->find_first_of(std::string_view("\n\0", 2)));
  line.erase(line.find_last_not_of(" \t\r") + 1);
  if (line.empty()) return std::nullopt;
  return line;
}

std::optional<double> read_number(const Path& file) {
  const auto line = read_line(file);
  if (!line) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(line->data(), line->data() + line->size(), number);
  if (error != std::errc() || end != line->data() + line->size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<bool> read_flag(const Path& file) {
  const auto line = read_line(file);
  if (line == "0") return false;
  if (line == "1") return true;
  return std::nullopt;
}

std::vector<unsigned> read_codes(const Path& file) {
  std::vector<unsigned> codes;
  std::istringstream words(read_line(file).value_or(""));
  for (std::string word; words >> word;) {
    unsigned code = 0;
    const char* const digits = word.data() + (word.starts_with("0x") ? 2 : 0);
    const auto [end, error] = std::from_chars(digits, word.data() + word.size(), code, 16);
    if (error != std::errc() || end != word.data() + word.size()) return {};
    codes.push_back(code);
  }
  return codes;
}

bool is_there(const Path& path) {
  std::error_code failed;
  return std::filesystem::exists(path, failed);
}

std::vector<Path> children(const Path& folder, std::string_view prefix) {
  std::vector<Path> found;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed))
    if (at->path().filename().string().starts_with(prefix)) found.push_back(at->path());
  std::sort(found.begin(), found.end());
  return found;
}

std::optional<Path> raspberry_pi_faults(const Path& sys) {
  for (const auto& soc : children(sys / "devices/platform", "soc"))
    for (const auto& device : children(soc, "soc"))
      if (device.filename().string().ends_with(":firmware") && is_there(device / "get_throttled"))
        return device / "get_throttled";
  return std::nullopt;
}

std::vector<Path> hwmons(const Path& sys, std::string_view driver) {
  std::vector<Path> found = children(sys / "class/hwmon", "hwmon");
  std::erase_if(found, [&](const Path& chip) { return read_line(chip / "name") != driver; });
  return found;
}

}  // namespace argosy::agent::sysfs

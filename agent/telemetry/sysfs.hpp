// Reads the small text files below /sys and /proc. What is missing, unreadable, empty or not what it should be is
// absent. Blocking, for microseconds.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace argosy::agent::sysfs {

using Path = std::filesystem::path;

inline constexpr double bytes_per_mb = 1024.0 * 1024.0;
inline constexpr double most_watts = 10'000;  // more is a fault of the sensor

std::optional<std::string> read_line(const Path& file);  // the first line, without what ends it
std::optional<double> read_number(const Path& file);     // a decimal number, alone in its line
std::optional<bool> read_flag(const Path& file);         // 0 or 1
// A list of codes like "0x01 0x0b".
std::vector<unsigned> read_codes(const Path& file);

bool is_there(const Path& path);
// What a folder holds whose name begins so, by name; nothing when there is no such folder.
std::vector<Path> children(const Path& folder, std::string_view prefix);
// What the Raspberry Pi's firmware says is wrong now, and was: the bits of `vcgencmd get_throttled`, one word of hex in
// its driver's folder; nothing on other boards.
std::optional<Path> raspberry_pi_faults(const Path& sys);
inline constexpr unsigned pi_under_voltage = 1U << 0;
inline constexpr unsigned pi_held_back =
    1U << 1 | 1U << 2 | 1U << 3;  // frequency capped, throttled, soft limit of heat
// The monitoring chips of this driver: the folders class/hwmon/hwmonN whose `name` is `driver`.
std::vector<Path> hwmons(const Path& sys, std::string_view driver);

}  // namespace argosy::agent::sysfs

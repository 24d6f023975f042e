#include <array>
#include <charconv>
#include <fstream>
#include <set>

#include "agent/inventory/facts.hpp"

namespace argosy::agent::facts {

namespace {

constexpr std::size_t most_lines = 4096;  // of cpuinfo; a server's has more, and its processors are alike
constexpr std::size_t most_kinds = 4;     // of cores that one chip mixes

struct Core {
  std::string_view implementer;
  std::string_view part;
  const char* name;
};
// MIDR_EL1 of arm64, as cpuinfo shows it: arch/arm64/include/asm/cputype.h.
constexpr std::array cores{
    Core{"0x41", "0xd03", "Cortex-A53"},   Core{"0x41", "0xd04", "Cortex-A35"},  Core{"0x41", "0xd05", "Cortex-A55"},
    Core{"0x41", "0xd07", "Cortex-A57"},   Core{"0x41", "0xd08", "Cortex-A72"},  Core{"0x41", "0xd09", "Cortex-A73"},
    Core{"0x41", "0xd0a", "Cortex-A75"},   Core{"0x41", "0xd0b", "Cortex-A76"},  Core{"0x41", "0xd0c", "Neoverse-N1"},
    Core{"0x41", "0xd0d", "Cortex-A77"},   Core{"0x41", "0xd40", "Neoverse-V1"}, Core{"0x41", "0xd41", "Cortex-A78"},
    Core{"0x41", "0xd42", "Cortex-A78AE"}, Core{"0x41", "0xd46", "Cortex-A510"}, Core{"0x41", "0xd47", "Cortex-A710"},
    Core{"0x41", "0xd49", "Neoverse-N2"},  Core{"0x41", "0xc07", "Cortex-A7"},   Core{"0x41", "0xc09", "Cortex-A9"},
    Core{"0x4e", "0x003", "Denver 2"},     Core{"0x4e", "0x004", "Carmel"}};

std::string name_of_core(std::string_view implementer, std::string_view part) {
  for (const Core& core : cores)
    if (core.implementer == implementer && core.part == part) return core.name;
  return "ARM " + printable(implementer, 8) + ":" + printable(part, 8);
}

std::string feature_name(const std::string& word) {
  if (word == "asimd") return "neon";
  if (word == "asimddp") return "dotprod";
  if (word == "asimdhp") return "fp16";
  return word;
}

struct CpuInfo {
  std::string model;               // as x86 names itself
  std::vector<std::string> kinds;  // of ARM's cores
  std::set<std::string> features;
};

void take_features(std::string_view words, CpuInfo& info) {
  while (!words.empty()) {
    const std::size_t space = std::min(words.find(' '), words.size());
    std::string feature = feature_name(std::string(words.substr(0, space)));
    if (wire::is_cpu_feature(feature)) info.features.insert(std::move(feature));
    words.remove_prefix(std::min(space + 1, words.size()));
  }
}

CpuInfo read_cpuinfo(const sysfs::Path& file) {
  CpuInfo info;
  std::ifstream lines(file);
  std::string line, implementer;
  for (std::size_t read = 0; read < most_lines && std::getline(lines, line); ++read) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = printable(std::string_view(line).substr(0, colon), 32);
    const std::string value = printable(std::string_view(line).substr(colon + 1), line.size());
    if (key == "model name" && info.model.empty()) info.model = printable(value, wire::most_board_bytes);
    if (key == "flags" || key == "Features") take_features(value, info);
    if (key == "CPU implementer") implementer = value;
    if (key != "CPU part") continue;
    const std::string name = name_of_core(implementer, value);
    const bool is_known = std::find(info.kinds.begin(), info.kinds.end(), name) != info.kinds.end();
    if (!is_known && info.kinds.size() < most_kinds) info.kinds.push_back(name);
  }
  return info;
}

// "0-3" or "0-2,4": how many.
std::optional<std::uint32_t> count_of(std::string_view ranges) {
  std::uint32_t count = 0;
  while (!ranges.empty()) {
    std::uint32_t first = 0;
    auto [at, failed] = std::from_chars(ranges.data(), ranges.data() + ranges.size(), first);
    if (failed != std::errc()) return std::nullopt;
    ranges.remove_prefix(static_cast<std::size_t>(at - ranges.data()));
    std::uint32_t last = first;
    if (ranges.starts_with('-')) {
      const auto [end, wrong] = std::from_chars(ranges.data() + 1, ranges.data() + ranges.size(), last);
      if (wrong != std::errc()) return std::nullopt;
      ranges.remove_prefix(static_cast<std::size_t>(end - ranges.data()));
    }
    if (last < first || last >= wire::most_cores) return std::nullopt;
    count += last - first + 1;
    if (!ranges.empty() && ranges.front() != ',') return std::nullopt;
    ranges.remove_prefix(std::min<std::size_t>(1, ranges.size()));
  }
  if (count == 0 || count > wire::most_cores) return std::nullopt;
  return count;
}

}  // namespace

void read_processor(const sysfs::Path& root, wire::Inventory& inventory) {
  CpuInfo info = read_cpuinfo(root / "proc/cpuinfo");
  std::string kinds;
  for (const std::string& kind : info.kinds) kinds += (kinds.empty() ? "" : " + ") + kind;
  inventory.cpu = printable(kinds.empty() ? info.model : kinds, wire::most_board_bytes);
  inventory.cpu_features.assign(info.features.begin(), info.features.end());
  inventory.cores = count_of(text_of(root / "sys/devices/system/cpu/present", 256));
}

}  // namespace argosy::agent::facts

// The pieces that an inventory is put together from, for this folder alone. Each reads below `root`; blocking.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/telemetry/sysfs.hpp"
#include "common/wire/inventory.hpp"

namespace argosy::agent::facts {

// What firmware calls itself may hold any byte: the printable characters of ASCII, at most `most_bytes`, trimmed.
inline std::string printable(std::string_view text, std::size_t most_bytes) {
  std::string kept;
  for (const char c : text)
    if (c >= ' ' && c <= '~' && kept.size() < most_bytes && !(kept.empty() && c == ' ')) kept += c;
  kept.erase(kept.find_last_not_of(' ') + 1);
  return kept;
}

// The first line; empty where there is none.
inline std::string text_of(const sysfs::Path& file, std::size_t most_bytes) {
  return printable(sysfs::read_line(file).value_or(""), most_bytes);
}

void read_processor(const sysfs::Path& root, wire::Inventory& inventory);
// Of systems and libraries, by the names of wire::version_names.
std::map<std::string, std::string> installed_versions(const sysfs::Path& root);
// Accelerators on PCI and USB and in the chip: a word that it is known by, and what tells it further.
std::vector<std::string> parts_of(const sysfs::Path& root);

}  // namespace argosy::agent::facts

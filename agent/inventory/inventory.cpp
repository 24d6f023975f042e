#include "agent/inventory/inventory.hpp"

#include <array>
#include <initializer_list>

#include "agent/inventory/facts.hpp"
#include "common/base/file.hpp"

namespace argosy::agent {

namespace {

constexpr std::uint64_t most_property_bytes = 4096;

// What makers of boards leave in DMI where a name should be.
bool is_filler(const std::string& text) {
  static const std::array fillers{"System Product Name",    "System manufacturer", "To Be Filled By O.E.M.",
                                  "To be filled by O.E.M.", "Default string",      "Not Specified",
                                  "Not Applicable",         "System Version",      "None"};
  return text.empty() || std::find(fillers.begin(), fillers.end(), text) != fillers.end();
}

// "Intel(R) Client Systems NUC11PAHi5", unless the product's name begins with its maker's.
std::string named_by_dmi(const sysfs::Path& dmi, const char* maker_file, const char* product_file) {
  const std::string maker = facts::text_of(dmi / maker_file, wire::most_board_bytes);
  const std::string product = facts::text_of(dmi / product_file, wire::most_board_bytes);
  if (is_filler(product)) return {};
  if (is_filler(maker) || product.starts_with(maker)) return product;
  return facts::printable(maker + " " + product, wire::most_board_bytes);
}

std::string board_of(const sysfs::Path& root) {
  std::string model = facts::text_of(root / "proc/device-tree/model", wire::most_board_bytes);
  if (!model.empty()) return model;
  const sysfs::Path dmi = root / "sys/class/dmi/id";
  model = named_by_dmi(dmi, "sys_vendor", "product_name");
  return model.empty() ? named_by_dmi(dmi, "board_vendor", "board_name") : model;
}

// Texts, each with a zero byte at its end.
std::vector<std::string> compatible_of(const sysfs::Path& root) {
  std::vector<std::string> words;
  const auto property = read_file(root / "proc/device-tree/compatible", most_property_bytes);
  if (!property) return words;
  for (std::size_t start = 0; start < property->size() && words.size() < wire::most_compatible;) {
    const std::size_t end = std::min(property->find('\0', start), property->size());
    std::string word = facts::printable(property->substr(start, end - start), wire::most_part_bytes);
    if (!word.empty()) words.push_back(std::move(word));
    start = end + 1;
  }
  return words;
}

}  // namespace

wire::Inventory take_inventory(const sysfs::Path& root) {
  wire::Inventory inventory;
  inventory.board = board_of(root);
  inventory.compatible = compatible_of(root);
  facts::read_processor(root, inventory);
  inventory.versions = facts::installed_versions(root);
  inventory.parts = facts::parts_of(root);
  return inventory;
}

}  // namespace argosy::agent

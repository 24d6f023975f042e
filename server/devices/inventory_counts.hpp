// What the boards of the fleet are, counted: of each field the values that most devices have. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace argosy::server {

struct InventoryValue {
  std::string value;
  std::int64_t devices = 0;
};
struct InventoryField {
  std::string name;  // of capabilities.NAME
  std::vector<InventoryValue> values;
  std::int64_t different = 0;  // values that there are, listed or not
};

}  // namespace argosy::server

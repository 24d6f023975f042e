// The table of all configuration keys. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "server/app/config.hpp"

namespace argosy::server {

struct ConfigKey {
  std::string_view name;
  std::variant<std::string Config::*, std::int64_t Config::*, double Config::*, bool Config::*> member;
  std::string_view help;
  double min = 0;  // of numbers
  double max = 0;
  bool secret = false;  // may also come from a file: <name>_file
};

std::span<const ConfigKey> config_keys();

}  // namespace argosy::server

// The golden values in data/, which data/make.py made and says how.
#pragma once

#include <fstream>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

namespace argosy {

// Kept, so that a loop may go over a part of them.
inline const nlohmann::json& golden_values(const std::string& name) {
  static std::map<std::string, nlohmann::json> read;
  auto& values = read[name];
  if (!values.is_null()) return values;
  std::ifstream file(std::string(ARGOSY_STATS_GOLDEN) + "/" + name + ".json");
  return values = nlohmann::json::parse(file);
}

}  // namespace argosy

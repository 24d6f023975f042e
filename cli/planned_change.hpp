// A change that a dry run keeps from being sent: what the verb would have asked of the server.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace argosy::cli {

struct PlannedChange {
  std::string method;
  std::string path;     // behind /api/v1
  nlohmann::json body;  // null: none
};

}  // namespace argosy::cli

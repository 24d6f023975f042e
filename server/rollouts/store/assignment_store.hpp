// What rollouts have to say of one device. On DB threads; at most a few hundred rows.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/assignment.hpp"

namespace argosy::server {

// Errc::not_found.
struct ListAssignments {
  std::string device;
  Instant now{};
  Result<std::vector<DeviceAssignment>> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

// What the tables hold of each outbox of a device, beside what the device says. A functor for DbPool::transact.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

struct ReadIntegrity {
  std::string device;
  Result<std::vector<EpochIntegrity>> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

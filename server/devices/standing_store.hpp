// The SQL of standings: a functor for DbPool::transact, run on the DB threads.
#pragma once

#include <optional>

#include <pqxx/pqxx>

#include "common/base/id.hpp"
#include "server/devices/standing.hpp"

namespace argosy::server {

// Nothing for a device that is unknown, revoked, or without a certificate.
struct ReadStanding {
  DeviceId device;
  std::optional<Standing> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

// The rows that a rollout's evidence is made of: a functor for DbPool::transact, run on a DB thread; may be repeated.
#pragma once

#include <cstdint>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/evidence/evidence.hpp"

namespace argosy::server {

// All of it as at one moment. Errc::not_found.
struct ReadEvidence {
  std::int64_t rollout = 0;
  EvidenceLimits limits;
  Instant now;
  Result<RolloutEvidence> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

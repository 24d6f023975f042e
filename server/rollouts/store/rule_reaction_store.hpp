// Reactions of rules that concern rollouts, each with what came of it in one transaction. Functors for
// DbPool::transact; one that has ended already does nothing.
#pragma once

#include <cstdint>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::server {

// Pauses the rollouts that run and have the device, or one of the site, in them: at most 20, the oldest first. Whether
// some were.
struct PauseRolloutsTouched {
  std::int64_t reaction;
  Instant now;
  Result<bool> operator()(pqxx::work& transaction) const;
};

// Tells the device of the alert the release that it had before the rollout whose wish it follows, as that rollout would
// if it went back, and leaves the rollout and its other devices alone. Whether it did.
struct SendDeviceBack {
  std::int64_t reaction;
  Instant now;
  Result<bool> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

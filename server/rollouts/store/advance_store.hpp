// The SQL of one tick of one rollout: a functor for DbPool::transact, run on a DB thread. It owns its arguments and may
// be repeated.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/models/patch.hpp"
#include "server/rollouts/core/rollout_engine.hpp"

namespace argosy::server {

struct Advance {                  // what one tick did to one rollout
  std::vector<PatchPair> wanted;  // patches that devices wait for and nobody has asked for yet
  std::int64_t notified = 0;
  bool acted = false;    // another tick may find more to do at once
  bool stopped = false;  // by something that was found on the way
};

struct AdvanceRollout {
  std::int64_t id = 0;
  std::optional<Instant> revoked_since;  // devices that were revoked before have been seen to
  Instant now;
  Result<Advance> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

// One tick of one rollout, in one transaction on a DB thread, repeatable after a lost connection; resumes on the I/O
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/models/patch.hpp"
#include "server/rollouts/core/rollout_engine.hpp"

namespace argosy::server {

class DbPool;

struct Advance {                  // what one tick did to one rollout
  std::vector<PatchPair> wanted;  // patches that devices wait for and nobody has asked for yet
  std::int64_t notified = 0;
  bool acted = false;    // another tick may find more to do at once
  bool stopped = false;  // by something that was found on the way
};

struct Guards {  // figures, and the ETag of the rollout that they were measured for
  std::vector<GuardInput> inputs;
  std::int64_t etag = 0;
};

// Snapshot, next_actions and all their effects. Two servers that tick at once do it one after the other. Devices that
// were revoked before `revoked_since` have been seen to.
Task<Result<Advance>> advance_rollout(DbPool& db, std::int64_t id, Guards guards, std::optional<Instant> revoked_since,
                                      Instant now);

}  // namespace argosy::server

// What operators do to a rollout, in one transaction on a DB thread, repeatable after a lost connection; resumes on the
// I/O thread.
#pragma once

#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

class DbPool;

// Checks the ETag and the state, acts, and leaves an audit row and a decision. Errc::precondition_failed when the ETag
// is another, illegal_transition with the reason. `guards` as they are now: what is resumed or promoted is accepted as
// it stands.
Task<Result<RolloutRecord>> operate_rollout(DbPool& db, OperatorCall call, std::vector<GuardInput> guards, Instant now);

}  // namespace argosy::server

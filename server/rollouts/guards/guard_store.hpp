// The figures that guards judge: what updated devices measured on the new release, and on the one before. One
// transaction a call, on a DB thread, repeatable after a lost connection; resumes on the I/O thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

class DbPool;

// One for each guard of the policy, in its order; none before the rollout has started.
Task<Result<std::vector<GuardInput>>> measure_guards(DbPool& db, RolloutRecord record);
// Writes into the decisions that guards cannot be measured, and why, or that they can be again (`why` empty); nothing
// when the decisions say so already.
Task<Result<void>> log_measuring(DbPool& db, std::int64_t id, std::string why, Instant now);

}  // namespace argosy::server

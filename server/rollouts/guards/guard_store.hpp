// The SQL of the figures that guards judge: what updated devices measured on the new release, and on the one before.
// Functors for DbPool::transact, run on the DB threads; they own their arguments and may be repeated.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

struct MeasureGuards {  // one for each guard of the policy, in its order; none before the rollout has started
  RolloutRecord record;
  Result<std::vector<GuardInput>> operator()(pqxx::work& transaction) const;
};

// Writes into the decisions that guards cannot be measured, and why, or that they can be again (`why` empty); nothing
// when the decisions say so already.
struct LogMeasuring {
  std::int64_t id = 0;
  std::string why;
  Instant now;
  Result<void> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

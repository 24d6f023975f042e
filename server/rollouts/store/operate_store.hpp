// The SQL of what operators do to a rollout: a functor for DbPool::transact, run on a DB thread. It owns its arguments
// and may be repeated.
#pragma once

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

// Checks the ETag and the state, acts, and leaves an audit row and a decision. Errc::precondition_failed when the ETag
// is another, illegal_transition with the reason.
struct OperateRollout {
  OperatorCall call;
  Instant now;
  bool approval_required = false;  // by the server's configuration
  Result<RolloutRecord> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

// The SQL of telling what a rollout would be: a functor for DbPool::transact, run on the DB threads. Reads alone: the
// database refuses it to write.
#pragma once

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_record.hpp"
#include "server/rollouts/rollout_preview.hpp"

namespace argosy::server {

// Errors are those of CreateRollout, but for a canary that is refused: that is part of the answer.
struct PreviewRollout {
  NewRollout wanted;
  Instant now;
  Result<RolloutPreview> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

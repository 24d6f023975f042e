// The SQL of making a large plan in pieces: functors for DbPool::transact, run on DB threads by whoever leads. Each
// holds its locks for a piece only, and may be repeated. They stop at once when somebody else has begun to make the
// plan - an operator who started the rollout, or the next leader: then rollout_plans.attempt is another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_record.hpp"
#include "server/rollouts/store/plan_store.hpp"

namespace argosy::server {

struct PlanClaim {
  RolloutRecord record;
  int attempt = 0;
};
// The oldest rollout that waits for its plan; from now on others stop making it. One whose filter cannot be read is
// passed over.
struct ClaimPlan {
  std::optional<PlanClaim> operator()(pqxx::work& transaction) const;
};

// What is to be written: reads all devices once, in one snapshot, and writes only how many there are.
struct ComparePlan {
  PlanClaim claim;
  Result<PlanDifference> operator()(pqxx::work& transaction) const;
};

struct WritePiece {
  std::int64_t rollout = 0;
  int attempt = 0;
  std::vector<Assignment> set;
  std::vector<std::string> gone;
  bool operator()(pqxx::work& transaction) const;  // false: somebody else makes this plan, or it is stopped
};

// Counts the waves; from now on the rollout ticks. A decision says so when it was started.
struct FinishPlan {
  std::int64_t rollout = 0;
  int attempt = 0;
  Instant now;
  Result<bool> operator()(pqxx::work& transaction) const;  // false as above
};

}  // namespace argosy::server

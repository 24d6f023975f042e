// The SQL of panels and looks: who is compared, what telemetry adds to their figures, and what the guards say. Functors
// for DbPool::transact, run on the DB threads; they own their arguments and may be repeated. Several instances may feed
// at once: rows are locked in order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_record.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

// In the transaction that stores it: what came of devices that are in a panel of an open rollout.
void feed_panels(pqxx::work& transaction, const TakenTelemetry& taken);

struct LookOutcome {
  bool looked = false;
  bool unfinished = false;  // figures from before the rollout are still to be read: call again
};

// The look at a running rollout's guards that is due now, if any; before the first one, its panel is drawn and what its
// members measured before is read, some at a time. Takes no lock that a tick would wait for.
struct LookAtGuards {
  std::int64_t id = 0;
  Instant now;
  Result<LookOutcome> operator()(pqxx::work& transaction) const;
};

// What its guards say now: at the newest look of the open wave, or why there is none.
std::vector<GuardVerdict> load_verdicts(pqxx::work& transaction, const RolloutRecord& record);

// Writes into the decisions that guards cannot be measured, and why, or that they can be again (`why` empty); nothing
// when that is known already.
struct LogMeasuring {
  std::int64_t id = 0;
  std::string why;
  Instant now;
  Result<void> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

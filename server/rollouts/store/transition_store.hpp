// A rollout's changes of state and wave, with their decision. For this folder's *_store.cpp, on DB threads, inside the
// transaction that holds the rollout's row.
#pragma once

#include <string>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_engine.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

// State, reason, end; raises the ETag. A halt or roll back tells the first devices at once; tell_of_stop the others.
void change_state(pqxx::work& transaction, const RolloutRecord& record, RolloutState to, const std::string& actor,
                  const Decision& decision, Instant now);
// The next thousand behind `after` whose target is still this rollout's wish hear of it, the same for the engine and
// for operators. Writes how far it came to rollouts.told_up_to, null at the end: so the decision itself is a short
// transaction, however many devices there are.
void tell_of_stop(pqxx::work& transaction, const RolloutRecord& record, RolloutState to, const std::string& after,
                  Instant now);
void open_wave(pqxx::work& transaction, const RolloutRecord& record, int wave, const std::string& actor,
               const Decision& decision, Instant now);

}  // namespace argosy::server

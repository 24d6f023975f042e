// The decision log of a rollout, which explains it to its operators, with an event for each entry. One that
// changes the rollout's state has the state in the event's kind ("rollout.halted"), for those who wait for it. For this
// folder's
// *_store.cpp, on DB threads, inside the transaction that does what was decided.
#pragma once

#include <string>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_engine.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

void log_decision(pqxx::work& transaction, const RolloutRecord& record, const std::string& actor,
                  const Decision& decision, Instant now, const std::string& severity = "info",
                  const std::string& event_kind = "rollout.decision");

}  // namespace argosy::server

// A rollout as the engine sees it: what is kept of it, and who of its devices is reachable now. For this folder's
// *_store.cpp, on DB threads.
#pragma once

#include <pqxx/pqxx>

#include "server/rollouts/core/rollout_engine.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

Snapshot load_snapshot(pqxx::work& transaction, const RolloutRecord& record, Instant now);

}  // namespace argosy::server

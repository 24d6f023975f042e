// A rollout as the engine sees it. Reads what is kept by wave and the oldest clock, but counts no devices: it costs the
// same however many there are. But for maintenance windows in the devices' own zones, while they are open in some of
// these and closed in others. For this folder's *_store.cpp, on DB threads.
#pragma once

#include <pqxx/pqxx>

#include "server/rollouts/core/rollout_engine.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

Snapshot load_snapshot(pqxx::work& transaction, const RolloutRecord& record, Instant now);

}  // namespace argosy::server

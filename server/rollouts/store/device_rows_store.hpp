// Devices of a rollout as rows, and how they move: with their counts, which are kept, never counted anew. For this
// folder's *_store.cpp, on DB threads, inside a transaction that has locked these rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/rollouts/core/rollout_effects.hpp"

namespace argosy::server {

// Of rollout_devices as q, for rollout_devices_of; a statement may select others, of other names, beside them.
inline const std::string rollout_device_columns = R"sql(
  q.device_id, q.wave, q.attempt, q.previous_release_id, q.state, coalesce(q.cause, '') as cause, q.message,
  coalesce(q.source, '') as source, coalesce(q.bytes, 0) as bytes, coalesce(q.full_bytes, 0) as full_bytes, q.numbers, q.held
)sql";
std::vector<RolloutDevice> rollout_devices_of(const pqxx::result& rows);

// Writes the rows, moves the counts of their waves, and notes who failed again.
void move_devices(pqxx::work& transaction, std::int64_t rollout, const std::vector<DeviceMove>& moves);

}  // namespace argosy::server

// Devices of a rollout as rows, and how they move: with their counts, which are kept, never counted anew. For this
// folder's *_store.cpp, on DB threads, inside a transaction that has locked these rows.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <pqxx/pqxx>

#include "server/rollouts/core/rollout_effects.hpp"

namespace argosy::server {

// Of rollout_devices as q, in the order in which rollout_devices_of reads them; what follows them is the caller's.
inline constexpr std::string_view rollout_device_columns =
    "q.device_id, q.wave, q.attempt, q.previous_release_id, q.state, coalesce(q.cause, ''), q.message, "
    "coalesce(q.source, ''), coalesce(q.bytes, 0), coalesce(q.full_bytes, 0), q.numbers::text";
std::vector<RolloutDevice> rollout_devices_of(const pqxx::result& rows);

// Writes the rows and moves the counts of their waves.
void move_devices(pqxx::work& transaction, std::int64_t rollout, const std::vector<DeviceMove>& moves);

}  // namespace argosy::server

// Devices that come to a rollout after its start. For this folder's *_store.cpp, on DB threads, inside the transaction
// that holds the rollout's row.
#pragma once

#include <cstdint>
#include <string>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_engine.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

// Those that match its filter and are not in it, up to a thousand; the others come with the next look. Answers how
// many.
Result<std::int64_t> join_devices(pqxx::work& transaction, const RolloutRecord& record, const Join& join, Instant now);

// Devices whose rows were added to a wave, in the counts under this key.
void count_joined(pqxx::work& transaction, const RolloutRecord& record, int wave, const std::string& key,
                  std::int64_t devices, Instant now);

}  // namespace argosy::server

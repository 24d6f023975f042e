// A rollout as its rows. For this folder's *_store.cpp, on DB threads. A transaction locks the rollout's row first,
// then devices, and writes counts last, so that two of them wait for each other instead of deadlocking.
#pragma once

#include <cstdint>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

enum class Lock : std::uint8_t { none, row };
// Errc::not_found when there is no such rollout. Bytes are not filled in.
Result<RolloutRecord> load_rollout(pqxx::work& transaction, std::int64_t id, Lock lock);

}  // namespace argosy::server

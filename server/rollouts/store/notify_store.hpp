// Telling devices: picks the variant, waits for patches, sets the target, supersedes older rollouts. For this folder's
// *_store.cpp, on DB threads, inside the transaction that holds the rollout's row.
#pragma once

#include <cstdint>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/models/patch.hpp"
#include "server/rollouts/core/rollout_engine.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

struct Notified {
  std::int64_t devices = 0;       // that left the queue
  std::int64_t told = 0;          // of these, to fetch the release
  std::vector<PatchPair> wanted;  // not asked for yet; who waits for them stays queued
};
Result<Notified> notify_devices(pqxx::work& transaction, const RolloutRecord& record, const Notify& action,
                                Instant now);

}  // namespace argosy::server

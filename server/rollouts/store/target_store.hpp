// What devices are told to run. For this folder's *_store.cpp, on DB threads.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/journal/journal_store.hpp"
#include "server/rollouts/core/rollout_effects.hpp"

namespace argosy::server {

// Writes device_targets and marks the devices' desired documents as due.
void set_targets(pqxx::work& transaction, const std::string& model, const std::vector<TargetChange>& changes,
                 Instant now, DueClass due);

}  // namespace argosy::server

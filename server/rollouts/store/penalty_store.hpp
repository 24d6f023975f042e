// The penalty box, and the tries that failed devices make by themselves, as rows. For this folder's *_store.cpp, on DB
// threads, inside a transaction that has locked the rollout's devices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_effects.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

// Counts failures in a row; who has too many rests from then on, and an event says so. A success clears the count.
void note_luck(pqxx::work& transaction, std::int64_t rollout, const std::vector<DeviceMove>& moves);
// An operator lets them out; the next failure has them rest longer all the same.
void end_rests(pqxx::work& transaction, const std::string& model, const std::vector<std::string>& devices);
std::int64_t count_resting(pqxx::work& transaction, const std::string& model, const std::vector<std::string>& devices,
                           Instant now);

// Devices that failed since, and that the policy has try again: writes down when.
void schedule_tries(pqxx::work& transaction, const RolloutRecord& record);
// Those whose time has come, a thousand at most, locked.
std::vector<RolloutDevice> lock_due_tries(pqxx::work& transaction, std::int64_t rollout, Instant now);

// Failed devices begin anew: as their next attempt.
void begin_next_attempt(pqxx::work& transaction, std::int64_t rollout, const std::vector<DeviceMove>& moves);

}  // namespace argosy::server

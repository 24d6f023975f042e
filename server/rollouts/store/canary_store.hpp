// What planning tells of a rollout's first canary, and what it refuses. For this folder's *_store.cpp, on DB threads,
// inside the transaction that holds the rollout's row.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/devices/filter.hpp"
#include "server/rollouts/core/rollout_record.hpp"
#include "server/rollouts/core/wave_plan.hpp"
#include "server/rollouts/guards/canary_reach.hpp"

namespace argosy::server {

// The devices that match now, by class of hardware.
ClassSizes count_classes(pqxx::work& transaction, const Filter& filter);
// Those of a rollout, as its rows are.
ClassSizes count_classes(pqxx::work& transaction, std::int64_t rollout);

// The cumulative shares of the waves, widened where the policy says so, and the classes with their canaries.
struct PlannedWaves {
  std::vector<double> shares;
  std::vector<ClassCount> classes;
  std::uint64_t written_as = 0;  // canaries that the policy's waves ask for
};
Result<PlannedWaves> planned_waves(const Policy& policy, std::uint64_t seed, const ClassSizes& devices);

// Why this rollout may not start, or be made: a guard that its policy requires could come to no verdict. Empty: it may.
Result<std::string> find_canary_refusal(pqxx::work& transaction, const RolloutRecord& record);

// Keeps what the canary of a planned rollout can find out; a decision says so where it is news. Nothing without guards.
Result<void> tell_reach(pqxx::work& transaction, const RolloutRecord& record, Instant now);

// As it was kept; empty: nothing was.
std::string load_canary_reach(pqxx::work& transaction, std::int64_t rollout);

}  // namespace argosy::server

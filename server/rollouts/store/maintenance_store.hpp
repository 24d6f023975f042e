// The time zones of a rollout's devices, and what clocks show there. For this folder's *_store.cpp, on DB threads.
// Costs nothing for rollouts without maintenance windows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_engine.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

// The zone of a device of the alias d in SQL. `policy_zone`: the parameter with the policy's time_zone.
std::string zone_sql(const std::string& policy_zone);
// As a parameter for zone_sql; "" without maintenance windows.
std::string zone_parameter(const Policy& policy);

// The zones of the fleet, with the time there; none for a rollout without maintenance windows.
std::vector<ZoneView> load_zones(pqxx::work& transaction, const Policy& policy, Instant now);
// Adds what waits and what runs in them.
void count_in_zones(pqxx::work& transaction, const RolloutRecord& record, std::vector<ZoneView>& zones);

// Errc::invalid_argument when the policy names a time zone that is none.
Result<void> check_time_zone(pqxx::work& transaction, const Policy& policy);

}  // namespace argosy::server

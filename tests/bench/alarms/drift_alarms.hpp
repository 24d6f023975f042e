// How often drift is called falsely, and how soon a dirty lens is found: fleets with weather, days and a season are
// simulated, and judged by the functions that the server judges by. scripts/bench alarms describes the keys. Pure.
#pragma once

#include <cstdint>

#include <nlohmann/json.hpp>

namespace argosy::server {

nlohmann::json simulate_drift(std::uint64_t seed);

}  // namespace argosy::server

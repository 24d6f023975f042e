// How often the rule latency_doubled is wrong, and what it finds: devices whose latency has the shape of a day and of a
// week, and noise that lasts, for 14 days each; beside a rule that does not know the hour. Deterministic by its seed.
#pragma once

#include <cstdint>

#include <nlohmann/json.hpp>

namespace argosy::server {

// latency_devices, latency_false_episodes, latency_jumps_found_percent, latency_jump_median_minutes,
// latency_blind_false_episodes, latency_blind_jumps_found_percent, latency_us_per_window
nlohmann::json simulate_latency(std::uint64_t seed);

}  // namespace argosy::server

// How often accuracy_low pages a healthy device, and how soon it finds a fall, by simulation: the server's own
// judgement of windows in simulated time, beside a fixed bound, ADWIN, Page-Hinkley, and a CUSUM that knows both
// levels, which no test of the same labels can beat.
#pragma once

#include <cstdint>

#include <nlohmann/json.hpp>

namespace argosy::server {

// accuracy_false_per_device_year, fall_found_percent and fall_median_h of accuracy_low, in the scenario that the bars
// are about; accuracy_scenarios with each scenario and its peers.
nlohmann::json simulate_accuracy(std::uint64_t seed);

}  // namespace argosy::server

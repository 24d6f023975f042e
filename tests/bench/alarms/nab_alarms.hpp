// The rule latency_doubled on series like those of the Numenta Anomaly Benchmark, made anew by their published
// description: no package that carries the files was found in Debian or on PyPI. Beside a rule that does not know the
// hour. Pure; deterministic by its seed.
#pragma once

#include <cstdint>

#include <nlohmann/json.hpp>

namespace argosy::server {

// nab: by series copies, anomalies, found, false_episodes, median_minutes, blind_found, blind_false_episodes; and
// nab_false_episodes, nab_rises_found_percent, nab_median_minutes, nab_blind_false_episodes,
// nab_blind_rises_found_percent over all of them
nlohmann::json simulate_nab(std::uint64_t seed);

}  // namespace argosy::server

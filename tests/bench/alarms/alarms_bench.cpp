// How often alarms are false and how soon true ones come, over simulated fleets: one JSON object on stdout. Run by
// scripts/bench alarms, whose help describes the keys.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "tests/bench/alarms/accuracy_alarms.hpp"
#include "tests/bench/alarms/drift_alarms.hpp"
#include "tests/bench/alarms/latency_alarms.hpp"
#include "tests/bench/alarms/nab_alarms.hpp"

int main(int count, char** arguments) {
  const std::uint64_t seed = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1;
  nlohmann::json figures{{"seed", seed}};
  figures.update(argosy::server::simulate_drift(seed));
  figures.update(argosy::server::simulate_accuracy(seed));
  figures.update(argosy::server::simulate_latency(seed));
  figures.update(argosy::server::simulate_nab(seed));
  std::puts(figures.dump().c_str());
  return 0;
}

// A network that loses, repeats, delays and reorders messages, and cuts devices off; it calms down when told to.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "common/base/random.hpp"
#include "tests/sim/scheduler.hpp"

namespace argosy::sim {

struct NetworkFaults {
  double loss = 0;
  double repeat = 0;
  Duration longest_delay{50};
};

class Network {
 public:
  Network(Scheduler& scheduler, Rng& rng, NetworkFaults faults) : scheduler_(scheduler), rng_(rng), faults_(faults) {}

  // Between the server and `device`, either way; `deliver` runs at arrival: never, once or twice.
  void carry(const std::string& device, std::function<void()> deliver);

  void cut(const std::string& device) { cut_.insert(device); }
  void mend(const std::string& device) { cut_.erase(device); }
  bool reaches(const std::string& device) const { return cut_.count(device) == 0; }
  bool loses() { return rng_.chance(faults_.loss); }
  void calm_down();

 private:
  void send_once(const std::string& device, std::function<void()> deliver);

  Scheduler& scheduler_;
  Rng& rng_;
  NetworkFaults faults_;
  std::set<std::string> cut_;
};

}  // namespace argosy::sim

// How a new version reaches the program that runs inferences, and what that program is seen to do. One adapter a
// device; blocking, on the job thread alone but for stop().
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/stats/log_histogram.hpp"

namespace argosy::agent {

struct Placement {
  std::string model;
  std::filesystem::path folder;  // of the model: slots a and b, link `current`
  std::string slot;              // "a" or "b": the one that shall serve
  std::string version;
  std::string format;  // of the file: <folder>/<slot>/model.<format>
  std::string digest;
  std::vector<std::string> parts = {};  // names of the files beside it: <folder>/<slot>/<name>

  std::filesystem::path file() const { return folder / slot / ("model." + format); }
};

struct SwitchFailure {
  Error error;
  bool switched = false;  // the version before is not known to serve: it has to be put back
};

// What a version did since the last look, as its program counts it.
struct Traffic {
  std::string model;
  std::string version;
  std::uint64_t count = 0;   // of inferences, failed ones among them
  std::uint64_t errors = 0;  // failed ones
  LogHistogram latency_ms;   // of the others
};

struct ServingStatus {
  std::vector<Traffic> traffic;
  std::set<std::string> down;  // models whose program is known not to serve them
  std::string runtime = {};    // what serves, with its version, as it says itself; empty: not known
};

class Serving {
 public:
  virtual ~Serving() = default;
  // Idempotent: the same placement again does no harm and tells the program again. `current` leads to the slot
  // afterwards.
  virtual std::optional<SwitchFailure> switch_to(const Placement& placement) = 0;
  // The version in service was committed: what was kept beside it, to go back to at once, may go.
  virtual void settle(const Placement&) {}
  // A look at the programs, of the models that have a version in service. Not to be known counts as well.
  virtual ServingStatus look(const std::vector<Placement>&) { return {}; }
  // From any thread: what waits ends soon, with Errc::cancelled.
  virtual void stop() {}
};

}  // namespace argosy::agent

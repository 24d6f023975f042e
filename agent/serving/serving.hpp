// How a new version reaches the program that runs inferences. One adapter a device; blocking, on the job thread alone.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::agent {

struct Placement {
  std::string model;
  std::filesystem::path folder;  // of the model: slots a and b, link `current`
  std::string slot;              // "a" or "b": the one that shall serve
  std::string version;
};

struct SwitchFailure {
  Error error;
  bool switched = false;  // `current` leads to the slot already; only the program was not told
};

class Serving {
 public:
  virtual ~Serving() = default;
  // Idempotent: the same placement again does no harm and tells the program again.
  virtual std::optional<SwitchFailure> switch_to(const Placement& placement) = 0;
  // Whether the program is known not to run; false when that cannot be known.
  virtual bool program_is_down() const = 0;
};

}  // namespace argosy::agent

// Who could have been a canary: the assignments of as many canaries to the devices of each class, all of them or drawn
// with a seed. Permutation tests stand on it. Pure; one owner at a time; memory in proportion to the devices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/random.hpp"
#include "common/stats/device_rows.hpp"

namespace argosy {

struct StratumSize {
  std::uint64_t devices = 0;  // canaries and controls
  std::uint64_t canaries = 0;
};

std::uint64_t canaries_in(std::span<const StratumSize> strata);

// ln of how many assignments there are: the product of binomial coefficients. Strata without one of the arms add
// nothing.
double ln_assignments(std::span<const StratumSize> strata);
// The smallest p-value that any permutation test over them can show, 1 / product; 1 when nothing can be exchanged.
double least_permutation_p(std::span<const StratumSize> strata);

struct DevicePlace {
  std::uint32_t stratum = 0;
  Arm arm = Arm::canary;
};

class Assignments {
 public:
  // A device is its index here. Strata that lack an arm are left out: nobody of them changes.
  Assignments(std::span<const DevicePlace> devices, std::uint64_t seed);

  struct Class {
    std::vector<std::uint32_t> devices;
    std::size_t canaries = 0;
  };
  const std::vector<Class>& classes() const { return classes_; }
  std::size_t canaries() const { return canaries_.size(); }
  double count() const;  // how many assignments there are; they may be more than any whole number holds

  // Who is a canary now: after begin() the first assignment of all, after draw() one drawn anew.
  std::span<const std::uint32_t> now() const { return canaries_; }
  void begin();
  bool next();  // false after the last; begin() first
  void draw();

 private:
  void take(std::size_t of_class);

  Rng rng_;
  std::vector<Class> classes_;
  std::vector<std::size_t> chosen_;      // places in the devices of their class, class after class, ascending
  std::vector<std::uint32_t> canaries_;  // the devices there
};

}  // namespace argosy

// Randomness: a seeded generator for simulations and jitter, a stable hash for assignments, and system entropy.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/encoding.hpp"
#include "common/base/instant.hpp"

namespace argosy {

// xoshiro256** (Blackman and Vigna), seeded through splitmix64: the same seed gives the same run on every machine.
class Rng {
 public:
  using result_type = std::uint64_t;
  explicit Rng(std::uint64_t seed);
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  result_type operator()();
  double uniform();                          // [0, 1)
  std::uint64_t below(std::uint64_t bound);  // [0, bound), bound > 0
  bool chance(double probability) { return uniform() < probability; }
  double normal();  // mean 0, variance 1 (Box-Muller)

 private:
  std::uint64_t state_[4];
};

// A 64-bit hash of (seed, text) that never changes between versions and machines: FNV-1a, finished by splitmix64.
std::uint64_t stable_hash(std::uint64_t seed, std::string_view text);

// `size` bytes from the operating system, fit for keys and tokens.
Bytes secure_random(std::size_t size);

// Full-jitter back-off: uniform in [0, min(cap, base * 2^attempt)); attempt counts from 0.
// Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
Duration full_jitter(Duration base, Duration cap, int attempt, Rng& rng);

}  // namespace argosy

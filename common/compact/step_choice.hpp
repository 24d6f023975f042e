// How one row of a tensor is brought from its old numbers towards its new ones by whole counts of a step: the step that
// leaves the least squared error with so many bits a count. Pure; any thread.
#pragma once

#include <span>
#include <vector>

#include "common/delta/steps.hpp"

namespace argosy {

constexpr int least_bits = 2;
constexpr int most_bits = 8;

// Counts of `bits` bits reach as far to either side.
constexpr int most_counts_of(int bits) {
  return (1 << (bits - 1)) - 1;
}

// Numbers of steps, and how many are still missing.
struct Rounded {
  std::vector<int> counts;
  std::vector<float> left;
};

// Rounds the other way where that was nearly as good, until what is missing of numbers [from, to) adds up to less than
// a step. Inputs of neighbouring weights are alike, so that such a sum is what their errors come to.
// Numbers that are where they should be stay: pruned weights are 0 for a purpose.
void balance(Rounded& rounded, std::size_t from, std::size_t to, int most);

// The best step for numbers that have to move by these distances; no_step when they move by nothing, or by what no step
// can say.
tensor::Step best_step(std::span<const float> distances, int bits);

struct Coarseness {
  int bits = 4;
  std::size_t group = 1;  // numbers whose errors are made to cancel: those of a kernel, or of a row
};

enum class RowOutcome : std::uint8_t { unchanged, stepped, exact };

// Puts a row's compact numbers into `compact`, which has the exact ones. They stay where they are not finite, would
// become so, or where no step can say how they moved.
RowOutcome compact_row(Element kind, ByteView old, ByteView exact, const Coarseness& coarseness,
                       std::span<std::uint8_t> compact);

}  // namespace argosy

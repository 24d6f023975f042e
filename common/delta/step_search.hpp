// Finds the steps of numbers that a compact release moved, from the old and the new numbers alone: a row's step is one
// by which every number of the row comes back to the bit. Where there is none, a look at a few numbers tells. One
// thread.
#pragma once

#include <optional>
#include <vector>

#include "common/delta/steps.hpp"
#include "common/delta/tensor_format.hpp"

namespace argosy::tensor {

// Numbers from the first on: rows that moved by steps, or rows that have to be coded otherwise.
struct Stretch {
  std::size_t numbers = 0;
  Scaling steps;  // no factors: otherwise
};

// The longest such stretch. `row_numbers` share a step, and the first of the numbers is number `phase` of its row.
Stretch first_stretch(Element kind, ByteView old, ByteView fresh, std::uint64_t row_numbers, std::uint64_t phase);

// By how many steps each number moved, as signed bytes: of what first_stretch found.
Bytes counts_of(Element kind, const Scaling& steps, ByteView old, ByteView fresh);

}  // namespace argosy::tensor

// Compact releases: a new model written as base + counts of steps, row by row, so that the patch from base to it is a
// fraction of the exact one's, and rebuilds it bit by bit. The publisher makes it and checks it before signing.
// Pure; seconds of work, and memory for one more copy of the model.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/tensors/tensor_map.hpp"

namespace argosy {

// Smaller tensors are kept exact, as are those of one dimension: they are little and matter much.
constexpr std::uint64_t fewest_compact_numbers = 1024;

struct CompactTensor {
  std::string name;
  ElementType type = ElementType::other;
  std::uint64_t numbers = 0;
  std::uint64_t stepped_rows = 0;  // rows that share a step; of int8: those requantised
  std::uint64_t exact_rows = 0;    // that could not
  std::uint64_t unchanged_rows = 0;
  // Sums over what is not exact, of squares: of the error against the exact model, of the change that training made,
  // and of the exact numbers.
  double error = 0, change = 0, size = 0;
  double largest_error = 0;
};

struct CompactModel {
  Bytes file;  // as the exact one but for its tensors' numbers
  ModelFormat format = ModelFormat::unknown;
  std::vector<CompactTensor> tensors;  // those that have a partner of the same name, type and shape, and are not exact

  // Roots of the mean squares over all of these: the error as a part of the numbers, and of the change.
  double relative_error() const;
  double error_of_change() const;
  double largest_error() const;
};

// Told bytes done and all bytes; false ends the work.
using CompactProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

// `bits` a count, 2..8. Errc::invalid_argument for other bits; Errc::incompatible when no tensor of the exact model can
// be made from the base: other names, other shapes, or numbers of other kinds; Errc::cancelled.
Result<CompactModel> make_compact(ByteView base, ByteView exact, int bits, const CompactProgress& progress = nullptr);

}  // namespace argosy

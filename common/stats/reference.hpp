// The bins and counts that a feature is compared with later, made from a sample of its values. Pure.
//
// A feature that takes few values has a bin for each; any other has 20 with as many samples in each, and a value that
// fills one of those by itself has a bin of its own. Around them lie empty bins that tell a little over from far over,
// and nothing but zeros from small values: what an input contract asks (input_contract.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/error.hpp"

namespace argosy {

inline constexpr std::size_t quantile_bins = 20;
inline constexpr std::size_t most_single_values = 20;  // a feature with more distinct values has quantiles
inline constexpr std::uint64_t least_reference_samples = 30;
inline constexpr std::uint64_t samples_per_reference_bin = 10;

struct ReferenceBins {
  std::vector<double> edges;          // ascending
  std::vector<std::uint64_t> counts;  // two more than edges: under, between them, over, NaN
};

// How many samples a reference needs whose samples fill so many bins.
constexpr std::uint64_t samples_needed(std::size_t filled_bins) {
  const auto needed = samples_per_reference_bin * filled_bins;
  return needed < least_reference_samples ? least_reference_samples : needed;
}

// Why nothing can be compared with these counts (NaN last), with the remedy; none: they will do.
std::optional<std::string> fault_of_reference(std::span<const std::uint64_t> counts);

// Errc::invalid_argument when there are no numbers among the values, or too few.
Result<ReferenceBins> reference_of(std::span<const double> values);

}  // namespace argosy

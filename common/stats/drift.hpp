// How far two histograms over the same bins are apart. Pure. Both counts must have the same size, at least 1. Where a
// formula takes logarithms, shares are smoothed by half a sample in each bin that either histogram uses: a bin that
// neither does is none, however many edges a feature has. So empty bins and histograms are allowed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace argosy {

using Counts = std::span<const std::uint64_t>;

// Sum over bins of (q - p) ln(q / p); 0 = equal, 0.1 slight, 0.2 and more notable. Smoothed.
// Source: N. Siddiqi, "Credit Risk Scorecards", 2006; the same number as Jeffreys' divergence.
double population_stability_index(Counts reference, Counts present);

// What PSI is on average when nothing has moved: (B - 1)(1/n + 1/m) for B bins in use and n and m independent samples,
// since PSI / (1/n + 1/m) is about chi-squared with B - 1 degrees of freedom (B. Yurdakul, "Statistical Properties of
// Population Stability Index", 2018). 0 when either has none.
double expected_psi(Counts reference, Counts present, double reference_samples, double present_samples);
std::size_t used_bins(Counts reference, Counts present);

// Where the present values stand among those of the reference, on average, less 1/2: from -1/2, all are under it, to
// 1/2. Values in one bin count as ties, NaN not at all; 0 when either is empty.
double rank_shift(Counts reference, Counts present);

// Jensen-Shannon divergence in bits, 0..1. Smoothed. Source: J. Lin, IEEE Trans. Inf. Theory 37(1), 1991.
double jensen_shannon(Counts reference, Counts present);

// Largest difference of the cumulative shares, 0..1; 0 when either is empty. The NaN bin counts as the largest value.
double kolmogorov_smirnov(Counts reference, Counts present);

// Wasserstein-1 distance over the reference's standard deviation, with values spread evenly inside their bin and the
// two open bins drawn to their edge; NaN left out. Counts have edges + 2 bins. Nothing when either is empty or the
// reference does not vary.
std::optional<double> wasserstein_over_sd(std::span<const double> edges, Counts reference, Counts present);

}  // namespace argosy

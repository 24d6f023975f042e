// Is the canary worse, with few devices or wild values? A stratified permutation test: if the release changed nothing,
// any devices of a class could as well have been its canaries. Exact whatever the figures' distribution. Pure; B draws
// cost B * canaries additions, and the same seed gives the same p-value on every machine.
// Statistic: theta of stratified_effect.hpp.
// Sources: R. A. Fisher, "The Design of Experiments", 1935; B. Phipson, G. K. Smyth, Stat. Appl. Genet. Mol. Biol.
// 9(1), 2010 (why a drawn p-value is never 0); J. Besag, P. Clifford, Biometrika 78(2), 1991 (the early stop).
#pragma once

#include <cstdint>
#include <span>

#include "common/base/error.hpp"
#include "common/stats/assignments.hpp"
#include "common/stats/device_rows.hpp"

namespace argosy {

struct PermutationPlan {
  std::uint64_t seed = 1;              // the rollout's, and of the look: fixed, so that nobody draws until it suits
  std::uint32_t most_draws = 4999;     // B; at least draws_for(alpha)
  std::uint32_t enough = 50;           // stop when so many draws were as harmful as what was seen; 0: never
  std::uint32_t exact_up_to = 20'000;  // so many assignments are not drawn, but all gone through
};

// The fewest draws with which a p-value can be clearly under alpha: 2 / alpha.
std::uint32_t draws_for(double alpha);

struct PermutationTest {
  double theta = 0;              // in the unit of D; + is harm
  double p = 1;                  // one-sided, of "canaries are worse by at most the margin"; valid at every alpha
  double least_p = 1;            // 1 over the number of assignments; a test of draws cannot go under 1 / (B + 1) either
  std::uint32_t draws = 0;       // of all assignments, the one that happened included, when is_exact
  std::uint32_t as_harmful = 0;  // of these
  bool is_exact = false;
};

// `margin` (unit of D) is taken off the canaries' D first. Rows without a finite D are left out, and classes without
// both arms. Errc::unavailable when no class has both.
Result<PermutationTest> permutation_test(std::span<const DeviceRow> rows, WorseWhen worse, double margin,
                                         const PermutationPlan& plan);
// The other way round, for non-inferiority: p is of "canaries are worse by at least the margin"; theta is the same.
Result<PermutationTest> non_inferiority_test(std::span<const DeviceRow> rows, WorseWhen worse, double margin,
                                             const PermutationPlan& plan);

}  // namespace argosy

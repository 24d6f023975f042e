// Guards of one metric family (p50, p95, p99) rise and fall together: one permutation of the devices for all of them,
// and the largest statistic against the largest that chance gives, instead of alpha split between them. Holds the
// probability of any false alarm in the family at alpha. Pure; B draws cost B * canaries * metrics.
// Statistic: theta of stratified_effect.hpp over its standard deviation under permutation.
// Sources: P. H. Westfall, S. S. Young, "Resampling-Based Multiple Testing", 1993, chapter 2 and algorithm 4.1 (max-T,
// and its step-down); H. Strasser, C. Weber, Math. Methods Stat. 8, 1999 (the standard deviation).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/error.hpp"
#include "common/stats/assignments.hpp"
#include "common/stats/permutation.hpp"

namespace argosy {

struct MetricFamily {
  std::span<const DevicePlace> devices;
  std::span<const double> harms;  // D, row after row: `margins.size()` metrics for each device; + is harm
  std::span<const double>
      margins;  // one a metric, in its unit, taken off the canaries' D first; 0 to test for any harm
};

struct FamilyMember {
  double theta = 0;
  double standardized = 0;   // of theta less its margin; 0 for a metric that is the same on every device
  double p = 1;              // of this metric alone
  double p_single_step = 1;  // adjusted for the family
  double p_step_down = 1;  // the same, and never larger: a metric is compared with those that are no worse than itself
};

// One for each metric, in their order. The plan's early stop does not apply. A device without a finite D for each
// metric is left out of all. Errc::unavailable when no class has both arms; Errc::invalid_argument when the sizes do
// not fit, or there are no metrics.
Result<std::vector<FamilyMember>> max_t_test(const MetricFamily& family, const PermutationPlan& plan);

}  // namespace argosy

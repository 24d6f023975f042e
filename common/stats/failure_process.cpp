#include "common/stats/failure_process.hpp"

#include <cmath>
#include <limits>

#include "common/stats/tails.hpp"

namespace argosy {

namespace {

bool is_in_range(const FailureLimit& limit) {
  return limit.share > 0 && limit.share < 1 && limit.a > 0 && limit.b > 0;
}

// ln of the Beta function's part over x.
double ln_beta_part_over(double x, double a, double b) {
  return ln_beta(a, b) + ln_beta_tail(x, a, b);
}

}  // namespace

double ln_failure_evidence(const FailureLimit& limit, std::uint64_t failures, std::uint64_t successes) {
  if (!is_in_range(limit)) return std::numeric_limits<double>::quiet_NaN();
  if (failures == 0 && successes == 0) return 0;
  const auto s = static_cast<double>(failures);
  const auto f = static_cast<double>(successes);
  return ln_beta_part_over(limit.share, limit.a + s, limit.b + f) - ln_beta_part_over(limit.share, limit.a, limit.b) -
         s * std::log(limit.share) - f * std::log1p(-limit.share);
}

bool is_evidence_enough(double ln_evidence, double alpha) {
  return ln_evidence >= -std::log(alpha);
}

double anytime_p_value(double ln_evidence) {
  return ln_evidence > 0 ? std::exp(-ln_evidence) : 1;
}

// Evidence grows with the failures among so many.
std::optional<std::uint64_t> least_rejecting_failures(const FailureLimit& limit, std::uint64_t devices, double alpha) {
  const auto rejects_at = [&](std::uint64_t failures) {
    return is_evidence_enough(ln_failure_evidence(limit, failures, devices - failures), alpha);
  };
  if (!rejects_at(devices)) return std::nullopt;
  std::uint64_t too_few = 0;
  std::uint64_t enough = devices;
  while (enough - too_few > 1) {
    const std::uint64_t middle = too_few + (enough - too_few) / 2;
    (rejects_at(middle) ? enough : too_few) = middle;
  }
  return enough;
}

}  // namespace argosy

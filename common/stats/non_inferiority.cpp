#include "common/stats/non_inferiority.hpp"

#include <algorithm>
#include <cmath>

#include "common/stats/tails.hpp"

namespace argosy {

namespace {

// Until the bound's half-width is at most `distance`. Degrees of freedom grow with the devices, which is told by
// repeating.
std::optional<std::uint64_t> canaries_until(const StratifiedEffect& effect, double alpha, double distance) {
  if (!(distance > 0)) return std::nullopt;
  constexpr double most = 1e9;
  const auto now = static_cast<double>(effect.canaries);
  const double of_canary = effect.se_canary * effect.se_canary * now;
  const double of_controls = effect.se_control * effect.se_control;
  double needed = now;
  for (int i = 0; i < 20; ++i) {
    const double t = student_point(alpha, std::max(effect.freedom, effect.freedom * needed / now));
    const double room = distance * distance / (t * t) - of_controls;
    if (room <= 0) return std::nullopt;
    const double next = std::max(now, of_canary / room);
    if (std::abs(next - needed) < 0.01) break;
    needed = next;
  }
  if (!(needed < most)) return std::nullopt;
  return static_cast<std::uint64_t>(std::ceil(needed - now - 1e-9));
}

}  // namespace

double ln_margin(double ratio, double least_change, double before) {
  return std::max(std::log(ratio), std::log1p(least_change / before));
}

std::optional<std::uint64_t> canaries_to_pass(const StratifiedEffect& effect, double alpha, double margin) {
  return canaries_until(effect, alpha, margin - effect.theta);
}

std::optional<std::uint64_t> canaries_to_fail(const StratifiedEffect& effect, double alpha, double margin) {
  return canaries_until(effect, alpha, effect.theta - margin);
}

}  // namespace argosy

#include "common/stats/reporting_evidence.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "common/stats/tails.hpp"

namespace argosy {

namespace {

// ln(e^a + e^b)
double ln_sum(double a, double b) {
  const double larger = std::max(a, b);
  if (std::isinf(larger)) return larger;
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

// The hypergeometric distribution of how many of those that fell silent are canaries.
class CanariesAmongSilent {
 public:
  CanariesAmongSilent(double canaries, double controls, double silent)
      : canaries_(canaries),
        controls_(controls),
        silent_(silent),
        fewest_(std::max(0.0, silent - controls)),
        most_(std::min(silent, canaries)) {}

  // ln E[odds^X]
  double ln_mean_of_power(double ln_odds) const {
    double ln_share = ln_choose(canaries_, fewest_) + ln_choose(controls_, silent_ - fewest_) -
                      ln_choose(canaries_ + controls_, silent_);
    double sum = ln_share + fewest_ * ln_odds;
    for (double x = fewest_; x < most_; ++x) {
      ln_share += std::log((canaries_ - x) * (silent_ - x) / ((x + 1) * (controls_ - silent_ + x + 1)));
      sum = ln_sum(sum, ln_share + (x + 1) * ln_odds);
    }
    return sum;
  }

 private:
  double canaries_;
  double controls_;
  double silent_;
  double fewest_;
  double most_;
};

Result<void> check_shares(std::span<const std::uint64_t> counts, std::span<const double> shares, double concentration) {
  if (counts.size() != shares.size() || counts.size() < 2)
    return make_error(Errc::invalid_argument, std::to_string(counts.size()) + " counts and " +
                                                  std::to_string(shares.size()) +
                                                  " shares: at least two of each are needed");
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  const bool are_shares = std::all_of(shares.begin(), shares.end(), [](double share) { return share > 0; });
  if (!are_shares || std::abs(sum - 1) > 1e-9)
    return make_error(Errc::invalid_argument, "shares must be over 0 and 1 together, not " + std::to_string(sum));
  if (!(concentration > 0)) return make_error(Errc::invalid_argument, "the concentration must be over 0");
  return {};
}

}  // namespace

void SilenceEvidence::add(const SilenceStep& step) {
  const auto canaries = static_cast<double>(step.reporting_canaries);
  const auto controls = static_cast<double>(step.reporting_controls);
  const auto silent_canaries = std::min(canaries, static_cast<double>(step.silent_canaries));
  const double silent = silent_canaries + std::min(controls, static_cast<double>(step.silent_controls));
  if (canaries == 0 || controls == 0 || silent == 0) return;
  const CanariesAmongSilent among(canaries, controls, silent);
  for (std::size_t i = 0; i < odds.size(); ++i) {
    const double ln_odds = std::log(odds[i]);
    ln_evidences_[i] += silent_canaries * ln_odds - among.ln_mean_of_power(ln_odds);
  }
}

double SilenceEvidence::ln_evidence() const {
  double sum = ln_evidences_[0];
  for (std::size_t i = 1; i < ln_evidences_.size(); ++i) sum = ln_sum(sum, ln_evidences_[i]);
  return sum - std::log(static_cast<double>(odds.size()));
}

Result<double> ln_ratio_evidence(std::span<const std::uint64_t> counts, std::span<const double> shares,
                                 double concentration) {
  ARGOSY_CHECK(check_shares(counts, shares, concentration));
  double evidence = ln_gamma(concentration);
  double total = concentration;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto count = static_cast<double>(counts[i]);
    const double prior = concentration * shares[i];
    evidence += ln_gamma(prior + count) - ln_gamma(prior) - count * std::log(shares[i]);
    total += count;
  }
  return evidence - ln_gamma(total);
}

}  // namespace argosy

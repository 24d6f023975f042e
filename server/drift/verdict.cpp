#include "server/drift/verdict.hpp"

#include <cmath>

namespace argosy::server {

bool is_worth_writing(const DriftRule& rule, const KnownVerdict& known, const DriftVerdict& verdict, Instant now,
                      const WorthWriting& worth) {
  const auto crossed = [](auto before, auto after, auto threshold) {
    return (before >= threshold) != (after >= threshold);
  };
  const double psi = verdict.measures.psi;
  return now - known.written_at >= worth.at_least_every || known.version != verdict.version ||
         known.drifted != verdict.drifted || std::abs(known.psi - psi) > worth.psi ||
         crossed(known.psi, psi, rule.open_psi) || crossed(known.samples, verdict.measures.samples, rule.min_samples);
}

}  // namespace argosy::server

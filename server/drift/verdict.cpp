#include "server/drift/verdict.hpp"

#include <cmath>

namespace argosy::server {

bool is_worth_writing(const KnownVerdict& known, const DriftVerdict& verdict, Instant now, const WorthWriting& worth) {
  return now - known.written_at >= worth.at_least_every || known.version != verdict.version ||
         known.kind != verdict.said.kind || std::abs(known.psi - verdict.said.measures.psi) > worth.psi;
}

}  // namespace argosy::server

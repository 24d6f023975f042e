#include "server/access/access_metrics.hpp"

namespace argosy::server {
namespace {

// As much of a hash as a number of Prometheus holds exactly.
double first_48_bits(const Digest& hash) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 6; ++i) bits = bits << 8 | hash.bytes[i];
  return static_cast<double>(bits);
}

}  // namespace

void add_access_metrics(Metrics& metrics, AccessService& access, AuditService& audit, OpenExchanges& exchanges) {
  metrics.sampled("argosy_logins_failed_total", "Wrong passwords and links", "counter",
                  [&access] { return static_cast<double>(access.counters().failed); });
  metrics.sampled("argosy_logins_limited_total", "Tries to sign in refused for their number", "counter",
                  [&access] { return static_cast<double>(access.counters().limited); });
  metrics.sampled("argosy_logins_desk_full_total", "Passwords not checked because too many waited", "counter",
                  [&access] { return static_cast<double>(access.counters().desk_full); });
  metrics.sampled("argosy_logins_waiting", "Passwords that wait to be checked", "gauge",
                  [&access] { return static_cast<double>(access.counters().hashing_waits); });
  metrics.sampled("argosy_exchanges_open", "Live streams, downloads and uploads under way", "gauge",
                  [&exchanges] { return static_cast<double>(exchanges.size()); });
  metrics.sampled("argosy_exchanges_cut_total", "Those cut because the right to them had ended", "counter",
                  [&exchanges] { return static_cast<double>(exchanges.cut_count()); });
  metrics.sampled("argosy_audit_sealed", "The audit log's newest seal, on the instance that seals", "gauge",
                  [&audit] { return static_cast<double>(audit.last_sealed().seal); });
  metrics.sampled("argosy_audit_head", "The first 48 bits of that row's hash, as a number", "gauge",
                  [&audit] { return first_48_bits(audit.last_sealed().hash); });
}

}  // namespace argosy::server

#include "agent/telemetry/delivery.hpp"

namespace argosy::agent {

bool Delivery::may_send(Instant now) {
  // A clock that jumped back must not hold telemetry up: no wait is longer than its cap.
  if (sent_at_) {
    const Duration waited = std::chrono::duration_cast<Duration>(now - *sent_at_);
    if (waited >= Duration{0} && waited < answer_timeout) return false;
    failed(now);
    return false;
  }
  return !retry_at_ || now >= *retry_at_ || *retry_at_ - now > retry_cap;
}

void Delivery::failed(Instant now) {
  sent_at_.reset();
  retry_at_ = now + full_jitter(retry_base, retry_cap, failures_++, rng_);
}

}  // namespace argosy::agent

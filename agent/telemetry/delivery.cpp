#include "agent/telemetry/delivery.hpp"

#include <algorithm>

namespace argosy::agent {

// A clock that jumped back ends the wait, or it might never end.
bool Delivery::may_send(Instant now) {
  const bool waits = now >= since_ && now - since_ < wait_;
  if (waits) return false;
  if (!under_way_) return true;
  failed(now);
  return false;
}

void Delivery::sent(Instant now, Duration answer_within) {
  under_way_ = true;
  since_ = now;
  wait_ = answer_within;
}

void Delivery::answered() {
  under_way_ = false;
  wait_ = Duration::zero();
  failures_ = 0;
}

void Delivery::failed(Instant now, std::optional<Duration> retry_after) {
  under_way_ = false;
  since_ = now;
  wait_ = std::clamp(retry_after.value_or(Duration::zero()), Duration::zero(), longest_wish) +
          full_jitter(retry_base, retry_cap, failures_++, rng_);
}

void Delivery::refused(Instant now) {
  answered();
  since_ = now;
  wait_ = full_jitter(retry_base, retry_cap, 0, rng_);
}

}  // namespace argosy::agent

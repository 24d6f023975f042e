// When the next telemetry batch may leave: at most one is under way, an answer in time, else again with full jitter.
// Pure but for its own generator; one owner.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/instant.hpp"
#include "common/base/random.hpp"

namespace argosy::agent {

class Delivery {
 public:
  static constexpr Duration answer_timeout{15'000};
  static constexpr Duration retry_base{1000};
  static constexpr Duration retry_cap{300'000};

  explicit Delivery(std::uint64_t seed) : rng_(seed) {}

  bool may_send(Instant now);  // notes a batch without an answer as failed
  void sent(Instant now) { sent_at_ = now; }
  void answered() {
    sent_at_.reset();
    retry_at_.reset();
    failures_ = 0;
  }
  void failed(Instant now);
  void link_changed() { answered(); }  // another way: what was under way may be sent again at once

 private:
  Rng rng_;
  std::optional<Instant> sent_at_;
  std::optional<Instant> retry_at_;
  int failures_ = 0;
};

}  // namespace argosy::agent

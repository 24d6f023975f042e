// When the next try of a delivery may start: at most one is under way, an answer in time, else again with full jitter,
// and never before the server's own wish. Pure but for its own generator; one owner.
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
  static constexpr Duration longest_wish{3'600'000};  // of a server that asks to be left alone

  explicit Delivery(std::uint64_t seed) : rng_(seed) {}

  bool may_send(Instant now);  // notes what had no answer in time as failed
  void sent(Instant now, Duration answer_within = answer_timeout);
  void answered();
  void failed(Instant now, std::optional<Duration> retry_after = std::nullopt);
  // The answer was that this will never be taken: something else may go soon, and not at once, lest a server that
  // refuses everything be asked without a rest.
  void refused(Instant now);
  void link_changed() { answered(); }         // another way: what was under way may be sent again at once
  int failures() const { return failures_; }  // in a row

 private:
  Rng rng_;
  bool under_way_ = false;
  Instant since_{};  // of what is under way, or of the wait
  Duration wait_{0};
  int failures_ = 0;
};

}  // namespace argosy::agent

// How a backlog leaves: in order like everything, in bulk, and no faster than its pace, beginning at a moment of its
// own, so that a thousand devices that come back together are no storm. What fits one usual batch is no backlog and
// leaves at once. Pure but for its own generator; one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/base/instant.hpp"
#include "common/base/random.hpp"

namespace argosy::agent {

class CatchUp {
 public:
  struct Pace {
    double records_per_s = 40;
    double bytes_per_s = 64 << 10;
  };
  struct Amount {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
  };
  static constexpr Amount usual{200, 128 << 10};
  static constexpr Amount bulk{500, 256 << 10};
  static constexpr Duration longest_start{60'000};
  static constexpr int most_halvings = 4;

  CatchUp(Pace pace, std::uint64_t seed) : pace_(pace), rng_(seed) {}

  static bool is_backlog(Amount waiting) { return waiting.records > usual.records || waiting.bytes > usual.bytes; }

  // At most how much of what waits may leave now; nothing: not yet. After each of the last `failures` tries half as
  // many bytes, for a link that cannot carry a whole batch in time.
  std::optional<Amount> next(Instant now, Amount waiting, int failures);
  void sent(Instant now, Amount amount);

 private:
  Duration time_of(Amount amount) const;
  Duration jitter(Duration most) { return Duration{static_cast<std::int64_t>(rng_.uniform() * double(most.count()))}; }

  Pace pace_;
  Rng rng_;
  bool under_way_ = false;
  Instant since_{};
  Duration wait_{0};
};

}  // namespace argosy::agent

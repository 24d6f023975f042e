// Whose turn it is to be judged: (device, model) pairs, the one that has been due longest first, whatever its name.
// Pure: the caller brings the time. One thread. Bounded: at most `limit` pairs are known, `device_limit` of one device;
// what comes on top is counted and left to the sweep, which finds it again.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/instant.hpp"

namespace argosy::server {

struct WatchedPair {
  std::string device;
  std::string model;
  friend auto operator<=>(const WatchedPair&, const WatchedPair&) = default;
};

struct WatchLimits {
  Duration interval{0};           // one pair is due once in so long
  Duration commit_lag{10'000};    // a sign of life, and what came with it, is committed within so long of its time
  std::size_t limit = 1'000'000;  // pairs
  std::size_t device_limit = 64;  // pairs of one device
  Duration set_aside{600'000};    // a pair that cannot be judged is tried again after so long, then after twice that
  Duration set_aside_most{86'400'000};
};

// A pair in the hands of who judges it.
struct DuePair {
  WatchedPair pair;
  Instant due_at{};
  std::uint64_t order = 0;          // among those that became due at the same time
  std::optional<Instant> earliest;  // of the windows heard since it was judged last; none: unknown
};

class WatchList {
 public:
  explicit WatchList(WatchLimits limits = {}) : limits_(limits) {}

  // The pair has a new window, which started at `window`. A pair that waits keeps its place.
  void heard(const WatchedPair& pair, std::optional<Instant> window, Instant now);
  // The sweep saw a sign of life of the device at `seen_at`: news, unless this list knew of it, or the pair was judged
  // so long after it that what came with it had been committed.
  void seen(const WatchedPair& pair, Instant seen_at, Instant now);

  // Up to `most` pairs that are due, the one that has been due longest first. Each goes back by one of the three below.
  std::vector<DuePair> take(std::size_t most, Instant now);
  void judged(const DuePair& due, Instant now);
  void give_back(DuePair due);                      // to where it was in the list
  void judge_again(DuePair due, Instant now);       // there is more of it to judge: behind those who wait now
  void set_aside(const DuePair& due, Instant now);  // it cannot be judged, and stands in nobody's way

  // Pairs that were judged before `before` and have not been heard since are forgotten.
  void forget_idle(Instant before);

  Duration oldest_wait(Instant now) const;               // 0 when nothing is due
  std::size_t waiting() const { return queue_.size(); }  // due now, or once their interval is over
  std::size_t known() const { return pairs_.size(); }

  struct Counters {
    std::uint64_t judged = 0;
    std::uint64_t refused = 0;    // the list was full
    std::uint64_t set_aside = 0;  // could not be judged
  };
  const Counters& counters() const { return counters_; }

 private:
  using Place = std::pair<Instant, std::uint64_t>;  // due at, order
  struct Entry {
    std::optional<Place> place;  // in the queue; none: idle, or in somebody's hands
    std::optional<Instant> judged_at;
    std::optional<Instant> newest_sign;  // of life that the list has heard of
    std::optional<Instant> earliest;
    bool in_hands = false;
    bool heard_again = false;  // while in somebody's hands
    std::uint32_t failures = 0;
  };
  using Pairs = std::map<WatchedPair, Entry>;

  Pairs::iterator find_or_add(const WatchedPair& pair);  // the end when there is no room
  bool has_room_for(const std::string& device) const;
  void make_due(Pairs::iterator at, Instant now);
  void has_news(Pairs::iterator at, Instant now);
  void enqueue(Pairs::iterator at, Place place);

  WatchLimits limits_;
  Pairs pairs_;
  std::map<Place, Pairs::iterator> queue_;
  std::uint64_t next_ = 0;
  Counters counters_;
};

}  // namespace argosy::server

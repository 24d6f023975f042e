// Whose turn it is to be judged: (device, model) pairs, the one that has been due longest first, whatever its name; and
// what is remembered of each. Pure: the caller brings the time. One thread. Bounded: at most `limit` pairs are known;
// what comes on top is counted and left to the sweep, which finds it again. How many of them one device can bring up is
// bounded where its telemetry comes in (PairAllowance). What the memories hold is counted in bytes; whoever keeps the
// list forgets those that were not heard of for longest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/instant.hpp"
#include "server/telemetry/pair_memory.hpp"

namespace argosy::server {

// A device's clock may be a little ahead; what it dates further into the future is not judged before its time.
inline constexpr Duration judged_ahead{300'000};

struct WatchLimits {
  Duration interval{0};           // one pair is due once in so long
  Duration again{1000};           // but what was heard while the database was asked is asked for while it is little
  Duration commit_lag{10'000};    // a sign of life, and what came with it, is committed within so long of its time
  std::size_t limit = 1'000'000;  // pairs
  Duration set_aside{600'000};    // a pair that cannot be judged is tried again after so long, then after twice that
  Duration set_aside_most{86'400'000};
};

// What is judged of a device: each of its models, the device as a whole (as a pair of the model ""), or both.
struct WatchedKinds {
  bool models = true;
  bool devices = false;
};

// A pair in the hands of who judges it.
struct DuePair {
  WatchedPair pair;
  Instant due_at{};
  std::uint64_t order = 0;          // among those that became due at the same time
  std::optional<Instant> earliest;  // of the windows heard since it was judged last; none: unknown
  PairMemory* memory = nullptr;     // as long as the pair is in hands; none: nothing is remembered
};

// Memories in the order in which they were heard of.
class RecencyLine {
 public:
  void add(PairMemory& memory);
  void remove(PairMemory& memory);
  PairMemory* oldest() const { return oldest_; }
  PairMemory* newest() const { return newest_; }
  static PairMemory* newer_than(const PairMemory& memory) { return memory.newer_; }

 private:
  PairMemory* oldest_ = nullptr;
  PairMemory* newest_ = nullptr;
};

class WatchList {
 public:
  explicit WatchList(WatchLimits limits = {}) : limits_(limits) {}

  // The pair has a new window, which started at `window`. A pair that waits keeps its place. Answers what is remembered
  // of it, for the judge to add the window; `weigh` it then.
  PairMemory* heard(const WatchedPair& pair, std::optional<Instant> window, Instant now);
  // A window was stored of which nothing else is known here: the database has to be asked.
  void heard_of(const WatchedPair& pair, std::optional<Instant> window, Instant now);
  // The sweep saw a sign of life of the device at `seen_at`: news, unless this list knew of it, or the database was
  // asked so long after it that what came with it had been committed.
  void seen(const WatchedPair& pair, Instant seen_at, Instant now);
  // It is not known whether something of these devices was stored.
  void doubt(const std::set<std::string>& devices, Instant now);

  // Up to `most` pairs that are due, the one that has been due longest first. Each goes back by one of the three below.
  std::vector<DuePair> take(std::size_t most, Instant now);
  void judged(const DuePair& due, Instant now);  // the database was asked
  void judged_from_memory(const DuePair& due, Instant now);
  void give_back(DuePair due);                      // to where it was in the list
  void judge_again(DuePair due, Instant now);       // there is more of it to judge: behind those who wait now
  void set_aside(const DuePair& due, Instant now);  // it cannot be judged, and stands in nobody's way

  // Of a pair that is known; takes the place of what was remembered before. What was heard of the pair while it was in
  // hands may be missing in it, and then it is not sure.
  void remember(const WatchedPair& pair, std::unique_ptr<PairMemory> memory);
  PairMemory* memory_of(const WatchedPair& pair);
  void forget(const WatchedPair& pair);  // what is remembered of it; it stays in the list
  void forget_devices(const std::set<std::string>& devices);
  void forget_all();
  void weigh(PairMemory& memory);
  std::size_t bytes() const { return bytes_; }
  std::size_t remembered() const { return remembered_; }
  // Visits memories as long as `visit` wants more, the one that was not heard of for longest first; none that is in
  // somebody's hands.
  void visit_oldest(const std::function<bool(const WatchedPair&, PairMemory&)>& visit);
  void visit_all(const std::function<void(const WatchedPair&, PairMemory&)>& visit) const;

  // Pairs that were judged before `before` and have not been heard since are forgotten; those whose memory is not
  // written yet become due for that first.
  void forget_idle(Instant before, Instant now);

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
    Place place{PairMemory::never, 0};  // in the queue; never: idle, or in somebody's hands
    Instant judged_at{PairMemory::never};
    Instant asked_at{PairMemory::never};     // when the database was asked last
    Instant newest_sign{PairMemory::never};  // of life that the list has heard of
    Instant earliest{Instant::max()};        // of the windows heard since it was judged; max: unknown
    std::unique_ptr<PairMemory> memory;
    std::uint32_t failures = 0;
    bool in_hands = false;
    bool heard_again = false;  // while in somebody's hands
    bool waits() const { return place.first != PairMemory::never; }
  };
  // Of the device alone: its pairs lie in one bucket and are found together. It has few (PairAllowance).
  struct HashOfDevice {
    std::size_t operator()(const WatchedPair& pair) const;
  };
  using Pairs = std::unordered_map<WatchedPair, Entry, HashOfDevice>;
  using Known = Pairs::value_type;

  Known* find_or_add(const WatchedPair& pair);  // null when there is no room
  template <class Visit>
  void visit_pairs_of(const std::set<std::string>& devices, Visit visit);
  void make_due(Known& known, Instant now);
  void has_news(Known& known, Instant now);
  void enqueue(Known& known, Place place);
  void done(const DuePair& due, Instant now, bool was_asked);
  void drop_memory(Entry& entry);
  Pairs::iterator drop(Pairs::iterator at);
  static std::optional<Instant> earliest_of(Entry& entry);

  WatchLimits limits_;
  Pairs pairs_;
  std::map<Place, Known*> queue_;
  RecencyLine line_;
  std::uint64_t next_ = 0;
  std::size_t bytes_ = 0;
  std::size_t remembered_ = 0;
  Counters counters_;
};

}  // namespace argosy::server

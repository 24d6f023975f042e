// The SQL of presence: which devices are due, and what was decided about them. Functors for DbPool::transact, run on
// the DB threads. A slice waits for nobody: a row that another writes right now stays due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/devices/connectivity_counts_store.hpp"
#include "server/devices/presence.hpp"

namespace argosy::server {

struct PresenceSlice {
  PresenceRule rule;
  IntermittentRule intermittent;
  double time_scale = 1;
  Instant watching_since{};
  std::size_t limit = 1000;
  SiteCounting counting;
  Instant counted{};  // as PresenceWatch has it
  Instant now{};
};

struct PresenceJudged {
  std::size_t due = 0;              // looked at, at most the slice's limit; the oldest first
  std::size_t settled = 0;          // of them, those that are not due any more
  std::size_t changed = 0;          // verdicts
  std::optional<Instant> oldest{};  // since when the first of them was due
};

// Sites are counted in the same transaction, so that nobody sees the one without the other.
struct JudgeDue {
  PresenceSlice slice;
  PresenceJudged operator()(pqxx::work& transaction) const;
};

struct PresenceWatch {
  Instant since{};    // of whose silence since then this round may judge
  Instant counted{};  // up to when sites may be counted: while nobody watches, it is not known yet how long that lasts
};

// Notes that somebody watches, and if nobody did for longer than `longest_pause`, from when to when: whether the server
// stood still, its clock was set forward, or the database or the broker was away, silence counts from now on then.
// After the clock was set back, nothing lies ahead of it any more.
struct KeepWatch {
  bool is_watching = true;
  Instant watching_since{};
  Duration longest_pause{};
  std::string site_label;  // another than before: every device is counted anew
  Instant now{};
  PresenceWatch operator()(pqxx::work& transaction) const;
};

// Those that went and came too often, and do so no more; as many as `limit`.
struct EndIntermittent {
  Instant now{};
  std::size_t limit = 1000;
  void operator()(pqxx::work& transaction) const;
};

// Devices whose session it was are due at once.
struct SuspectDevices {
  std::vector<Suspicion> suspicions;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

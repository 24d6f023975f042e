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
#include "server/devices/presence.hpp"

namespace argosy::server {

struct PresenceSlice {
  PresenceRule rule;
  double time_scale = 1;
  Instant watching_since{};
  std::size_t limit = 1000;
  Instant now{};
};

struct PresenceJudged {
  std::size_t due = 0;              // looked at, at most the slice's limit; the oldest first
  std::size_t settled = 0;          // of them, those that are not due any more
  std::size_t changed = 0;          // verdicts
  std::optional<Instant> oldest{};  // since when the first of them was due
};

struct JudgeDue {
  PresenceSlice slice;
  PresenceJudged operator()(pqxx::work& transaction) const;
};

// Devices whose session it was are due at once.
struct SuspectDevices {
  std::vector<Suspicion> suspicions;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

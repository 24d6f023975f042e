// The SQL of presence: which devices are due, and what was decided about them. One transaction a slice, which waits for
// nobody: a row that another writes right now stays due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/devices/presence.hpp"

namespace argosy::server {

class DbPool;

struct Suspicion {
  std::string device;
  std::int64_t nonce = 0;  // of the session whose connection broke
  Instant at{};
};

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

class PresenceStore {
 public:
  explicit PresenceStore(DbPool& db) : db_(db) {}
  Task<Result<PresenceJudged>> judge(PresenceSlice slice);
  // Devices whose session it was are due at once.
  Task<Result<void>> suspect(std::vector<Suspicion> suspicions);

 private:
  DbPool& db_;
};

}  // namespace argosy::server

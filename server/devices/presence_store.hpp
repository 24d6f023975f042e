// The SQL of presence: one transaction a tick, which locks only the rows whose verdict may change.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "server/devices/presence.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

class DbPool;

struct Suspicion {
  std::int64_t nonce = 0;  // of the session whose connection broke
  Instant at{};
};

struct PresenceTick {
  PresenceRule rule;
  double time_scale = 1;
  Instant watching_since{};
  std::unordered_map<std::string, Suspicion> suspicions;  // by device
  Instant now{};
};

class PresenceStore {
 public:
  explicit PresenceStore(DbPool& db) : db_(db) {}
  // How many verdicts changed.
  Task<Result<std::size_t>> tick(PresenceTick tick);

 private:
  DbPool& db_;
};

}  // namespace argosy::server

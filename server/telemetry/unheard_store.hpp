// The SQL by which instances tell each other of the windows they store; the one that leads learns so of those that
// others stored: they note it in the transaction that stores them. DB threads; the functors are for DbPool::transact.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/db/fence.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

// Within the transaction that stores `taken`. `term`: this instance leads, and hears of what it stores by itself; the
// transaction then holds the fence, so that the next one to lead begins after its commit, and reads it.
void note_unheard(pqxx::work& transaction, const TakenTelemetry& taken, const std::optional<Fence>& term);

struct TakeUnheard {
  std::size_t most;
  std::vector<UnheardPair> operator()(pqxx::work& transaction) const;
};

// How many windows that this instance stored ended in the minute up to `now`. Rows of instances that are gone go.
struct WriteWindowRate {
  std::string instance;
  std::uint64_t windows;
  Instant now;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

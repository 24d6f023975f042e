// Whom of its devices a rollout can reach, kept in their rows: rollout_devices.reachable_since follows presence as long
// as the device has no outcome, and triggers count it by wave. What changes presence leaves a row in
// rollout_reach_changes and waits for nobody; the leader's tick carries it over. On DB threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <pqxx/pqxx>

namespace argosy::server {

// A functor for DbPool::transact. Takes the changes that have waited longest, `limit` at most, and answers how many.
struct FollowPresence {
  std::size_t limit = 0;
  std::size_t operator()(pqxx::work& transaction) const;
};

// For a transaction that wrote rows by a presence which may have changed since: the next FollowPresence looks again.
void look_at_reach_again(pqxx::work& transaction, const std::vector<std::string>& devices);
// The same for all rows of a rollout that were committed and are not as presence is now.
void look_at_reach_again(pqxx::work& transaction, std::int64_t rollout);

}  // namespace argosy::server

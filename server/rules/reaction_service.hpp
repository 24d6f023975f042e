// What rules do beside telling people. The database makes a reaction with the alert that is told; the leader takes one
// after the other, the oldest first, and hands it to whoever can do it, who writes down what came of it in the
// transaction that does it. So each is done once, whichever process dies when. Coroutines on the I/O thread.
//
// Bounded: at_once in a tick; an error is tried again reaction_attempts times, and nothing after reaction_lasts; a rule
// does no more of a kind in an hour than it says, and all rules together no more than a share of the fleet.
#pragma once

#include <cstdint>
#include <functional>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/base/random.hpp"
#include "server/base/task.hpp"
#include "server/rules/reaction.hpp"

namespace argosy::server {

class DbPool;

class ReactionService {
 public:
  static constexpr int at_once = 50;

  // Does the reaction of that id and ends it (journal/reaction_store), or answers why it could not now.
  using Do = std::function<Task<Result<void>>(std::int64_t reaction, Instant now)>;
  struct Ports {
    Do pause_rollouts;
    Do roll_back;
    Do diagnostics;
  };

  ReactionService(DbPool& db, std::uint64_t seed, ReactionShare share = {}) : db_(db), rng_(seed), share_(share) {}
  void use(Ports ports) { ports_ = std::move(ports); }  // before the first tick

  // The leader's. How many were done or left.
  Task<Result<std::size_t>> tick(Instant now);
  Task<Result<ReactionPage>> list(ReactionQuery query);

 private:
  const Do& port_of(ReactionKind kind) const;

  DbPool& db_;
  Rng rng_;
  ReactionShare share_;
  Ports ports_;
};

}  // namespace argosy::server

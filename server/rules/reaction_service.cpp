#include "server/rules/reaction_service.hpp"

#include <utility>

#include "server/db/db_pool.hpp"
#include "server/rules/reaction_queue_store.hpp"

namespace argosy::server {

const ReactionService::Do& ReactionService::port_of(ReactionKind kind) const {
  switch (kind) {
    case ReactionKind::pause_rollouts:
      return ports_.pause_rollouts;
    case ReactionKind::roll_back:
      return ports_.roll_back;
    case ReactionKind::diagnostics:
      return ports_.diagnostics;
  }
  return ports_.diagnostics;
}

Task<Result<std::size_t>> ReactionService::tick(Instant now) {
  std::size_t ended = 0;
  for (int round = 0; round < at_once; ++round) {
    ARGOSY_CO_TRY(const auto next, co_await db_.transact<NextReaction>(now, share_));
    if (!next) break;
    ++ended;
    if (next->is_left) continue;
    const auto kind = parse_reaction_kind(next->reaction);
    const auto done = co_await port_of(*kind)(next->id, now);
    if (done) continue;
    const auto again = next_attempt(next->attempts + 1, now, rng_);
    ARGOSY_CO_CHECK(co_await db_.transact<PostponeReaction>(next->id, done.error().message, again, now));
  }
  co_return ended;
}

Task<Result<ReactionPage>> ReactionService::list(ReactionQuery query) {
  co_return co_await db_.transact<ListReactions>(std::move(query));
}

}  // namespace argosy::server

#include "agent/update/update_transition.hpp"

#include <algorithm>

#include "common/base/random.hpp"

namespace argosy::agent::machine {

bool is_release(const std::optional<SlotContent>& content, const wire::DesiredModel& wish) {
  return content && content->version == wish.version && files_of(*content) == files_of(wish);
}

SlotName previous_of(const UpdateState& s) {
  return other(s.target);
}

void finish(Transition& change, Phase phase, std::string cause, std::string message) {
  change.enter(phase);
  change.state.cause = std::move(cause);
  change.state.message = std::move(message);
  if (phase != Phase::failed) change.act(Sweep{});
}

void commit(Transition& change, std::string message, std::string cause) {
  finish(change, Phase::committed, std::move(cause), std::move(message));
  change.state.progress = 1;
  change.state.slots.at(change.state.target)->proven = true;
  change.act(MarkProven{change.state.target});
}

void roll_back(Transition& change, std::string cause, std::string message) {
  if (!change.state.slots.at(previous_of(change.state)))
    return finish(change, Phase::failed, std::move(cause),
                  std::move(message) + "; there is no earlier version to go back to, so this one stays");
  change.enter(Phase::rolling_back);
  change.state.cause = std::move(cause);
  change.state.message = std::move(message);
  change.await(RollBack{previous_of(change.state)});
}

void begin_probation(Transition& change) {
  change.enter(Phase::probation);
  change.state.probation_from = change.now;
  change.state.totals = {};
  change.state.strikes = 0;
}

void take_from_slot(UpdateState& s) {
  for (FileWay& way : s.ways) way.source = Source::local;
}

namespace {

// A fleet with the same hours does not begin in the same second.
Duration spread(const Transition& change) {
  Rng rng(stable_hash(change.state.seed, "spread") + static_cast<std::uint64_t>(change.state.ticket));
  return Duration{static_cast<std::int64_t>(rng.below(longest_spread.count()))};
}

}  // namespace

// A wall clock that jumped back must not stop the agent for years.
bool is_due(const UpdateState& s, const Tick& tick, Instant now) {
  return s.retry_at && (tick.due || now >= *s.retry_at || *s.retry_at - now > longest_wait);
}

// No failed try, and no restart too many, however long it lasts.
void wait_for_owner(Transition& change, const Hold& hold) {
  const Instant latest = change.now + look_again;
  change.keep = !change.state.held || change.state.starts > 0 || change.state.message != hold.why;
  change.state.starts = 0;
  change.state.held = true;
  change.state.message = hold.why;
  change.state.retry_at = hold.until && *hold.until < latest ? *hold.until + spread(change) : latest;
}

void wait_and_retry(Transition& change, std::optional<Duration> at_least) {
  Rng rng(stable_hash(change.state.seed, change.state.wish ? change.state.wish->artifact.digest : "") +
          static_cast<std::uint64_t>(change.state.ticket));
  const Duration jitter = full_jitter(retry_base, retry_cap, change.state.tries, rng);
  change.state.retry_at = change.now + std::max(jitter, std::min(at_least.value_or(Duration{0}), longest_wait));
  ++change.state.tries;
}

}  // namespace argosy::agent::machine

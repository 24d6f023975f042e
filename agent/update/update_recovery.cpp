// What the agent makes of an update after a start: from its journal, or without one from what lies on the disk.
#include "agent/update/update_fetching.hpp"
#include "agent/update/update_transition.hpp"

namespace argosy::agent {
namespace {

using namespace machine;

void mend_link(Transition& change) {
  if (change.state.slots.served() != nullptr) return;
  change.state.slots.serving.reset();
  for (const SlotName slot : {SlotName::a, SlotName::b}) {
    if (!change.state.slots.at(slot) || !change.state.slots.at(slot)->proven) continue;
    change.state.slots.serving = slot;
    return change.act(MendLink{slot});
  }
}

// Without a journal: a proven version stays, one that was still on probation makes way for a proven one.
void recover_from_facts(Transition& change) {
  const SlotContent* served = change.state.slots.served();
  if (served == nullptr || served->proven) return;
  const auto& spare = change.state.slots.at(other(*change.state.slots.serving));
  if (!spare || !spare->proven) return;
  change.state.target = *change.state.slots.serving;
  roll_back(change, "probation_crash", "the journal was lost while version " + served->version + " was on probation");
}

void recover_activation(Transition& change) {
  if (!change.state.slots.at(change.state.target))
    return finish(change, Phase::failed, "activate", "the new version's slot is empty after a restart");
  const bool won = change.state.slots.serving == change.state.target;
  if (change.state.starts <= max_starts) return change.await(Activate{change.state.target});
  if (won) return roll_back(change, "attempts_exhausted", "the agent restarted too often during activation");
  finish(change, Phase::failed, "attempts_exhausted", "the agent restarted too often during activation");
}

void recover_probation(Transition& change) {
  if (change.state.starts > max_starts)
    return roll_back(change, "attempts_exhausted", "the agent restarted too often during probation");
  if (change.state.slots.serving != change.state.target || !change.state.slots.at(change.state.target))
    return roll_back(change, "activate", "the version in probation was not in service after a restart");
  change.state.totals = {};
  change.state.strikes = 0;
}

void recover_from_journal(Transition& change) {
  if (is_terminal(change.state.phase)) {
    const SlotContent* served = change.state.slots.served();
    if (change.state.phase != Phase::committed || served == nullptr || served->proven) return;
    change.state.slots.at(*change.state.slots.serving)->proven = true;
    return change.act(MarkProven{*change.state.slots.serving});
  }
  if (change.state.phase == Phase::rolling_back) return roll_back(change, change.state.cause, change.state.message);
  ++change.state.starts;
  if (change.state.phase == Phase::activating) return recover_activation(change);
  if (change.state.phase == Phase::probation) return recover_probation(change);
  if (change.state.starts <= max_starts) return survey(change);
  finish(change, Phase::failed, "attempts_exhausted",
         "the agent restarted " + std::to_string(change.state.starts) + " times while it was " +
             std::string(to_string(change.state.phase)));
}

}  // namespace

Step recover(const std::optional<UpdateState>& journal, const Slots& on_disk, Instant now) {
  Step result{journal.value_or(UpdateState{}), {}, true};
  result.next.slots = on_disk;
  Transition change{result.next, result.effects, now};
  mend_link(change);
  if (journal)
    recover_from_journal(change);
  else
    recover_from_facts(change);
  return result;
}

}  // namespace argosy::agent

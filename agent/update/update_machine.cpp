#include "agent/update/update_machine.hpp"

#include <type_traits>

#include "agent/update/update_fetching.hpp"
#include "agent/update/update_transition.hpp"
#include "agent/update/update_trial.hpp"

namespace argosy::agent {

namespace {

using namespace machine;

// Wishes ------------------------------------------------------------------------------------------------------------

bool same_wish(const wire::DesiredModel& a, const wire::DesiredModel& b) {
  return a.version == b.version && a.rollout == b.rollout && a.attempt == b.attempt && files_of(a) == files_of(b);
}

UpdateState fresh_update(const UpdateState& s, const wire::DesiredModel& wish) {
  UpdateState fresh;
  fresh.slots = s.slots;
  fresh.ticket = s.ticket;
  fresh.seed = s.seed;
  fresh.wish = wish;
  fresh.ways.resize(files_of(wish).size());
  fresh.target = s.slots.serving ? other(*s.slots.serving) : SlotName::a;
  return fresh;
}

void start(Transition& change, const wire::DesiredModel& wish) {
  change.state = fresh_update(change.state, wish);
  const SlotContent* served = change.state.slots.served();
  const bool serves_it = served != nullptr && is_release(*served, wish);
  if (serves_it) {
    take_from_slot(change.state);
    change.state.target = *change.state.slots.serving;
    return served->proven ? commit(change, "already in service") : begin_probation(change);
  }
  const auto& staged = change.state.slots.at(change.state.target);
  if (!is_release(staged, wish) || !staged->proven) return survey(change);
  take_from_slot(change.state);
  change.enter(Phase::activating);
  change.await(Activate{change.state.target});
}

void take_wish(Transition& change, const Wished& event) {
  const wire::DesiredModel& wish = event.wish;
  if (change.state.wish && same_wish(*change.state.wish, wish)) {
    if (!change.state.pending) return change.ignore();
    return change.state.pending.reset();
  }
  if (is_terminal(change.state.phase)) return start(change, wish);
  if (is_before_activation(change.state.phase)) {
    change.act(Abort{});
    return start(change, wish);
  }
  if (change.state.phase == Phase::probation) {
    if (is_release(change.state.slots.at(change.state.target),
                   wish)) {  // another rollout of the same version: go on under its name
      change.state.wish = wish;
      return change.state.pending.reset();
    }
    const auto& previous = change.state.slots.at(previous_of(change.state));
    if (is_release(previous, wish) && previous->proven) return start(change, wish);
  }
  if (change.state.pending && same_wish(*change.state.pending, wish) && change.state.pending->patches == wish.patches &&
      change.state.pending->parts == wish.parts && change.state.pending->signature == wish.signature)
    return change.ignore();
  change.state.pending = wish;  // also the same once more, when a patch or a signature came to it
}

void drop_wish(Transition& change, const Withdrawn&) {
  change.state.pending.reset();
  if (!is_before_activation(change.state.phase)) return;
  change.act(Abort{});
  finish(change, Phase::failed, "cancelled", "the version is no longer wanted here");
}

void start_pending(Transition& change, const Tick&) {
  if (!change.state.pending) return change.ignore();
  const wire::DesiredModel wish = *change.state.pending;
  start(change, wish);
}

// The transition table ------------------------------------------------------------------------------------------------

using Applies = bool (*)(Phase);
using Act = void (*)(Transition&, const Event&);

struct Row {
  Applies applies;
  std::size_t event;
  Act act;
};

template <class T, class Variant>
struct IndexOf;
template <class T, class... Others>
struct IndexOf<T, std::variant<T, Others...>> : std::integral_constant<std::size_t, 0> {};
template <class T, class First, class... Others>
struct IndexOf<T, std::variant<First, Others...>>
    : std::integral_constant<std::size_t, 1 + IndexOf<T, std::variant<Others...>>::value> {};

template <class E, void (*Handler)(Transition&, const E&)>
constexpr Row on(Applies applies) {
  return {applies, IndexOf<E, Event>::value,
          [](Transition& change, const Event& event) { Handler(change, std::get<E>(event)); }};
}

bool always(Phase) {
  return true;
}
bool is_fetching(Phase phase) {  // patching is fetching, too, where a patch is applied while it comes in
  return phase == Phase::downloading || phase == Phase::patching;
}
template <Phase P>
bool in(Phase phase) {
  return phase == P;
}

// What is not in the table is late or out of place, and changes nothing.
constexpr Row table[] = {
    on<Wished, take_wish>(always),                            // -> planning | activating | committed | …
    on<Withdrawn, drop_wish>(always),                         // -> failed (cancelled), before activation
    on<Tick, start_pending>(is_terminal),                     // -> as for Wished
    on<Surveyed, choose_way>(in<Phase::planning>),            // -> downloading | patching | verifying | failed
    on<FetchProgress, note_progress>(is_fetching),            //
    on<Fetched, take_blob>(is_fetching),                      // -> downloading | patching | verifying | planning
    on<FetchFailed, fetch_again_or_fail>(is_fetching),        // -> downloading | planning | failed
    on<Tick, fetch_when_due>(is_fetching),                    // -> downloading
    on<Patched, take_result>(in<Phase::patching>),            // -> verifying | downloading | planning
    on<PatchFailed, give_up_patch>(in<Phase::patching>),      // -> planning | failed
    on<Verified, validate>(in<Phase::verifying>),             // -> validating
    on<VerifyFailed, refuse_bytes>(in<Phase::verifying>),     // -> planning | failed
    on<Validated, judge_validated>(in<Phase::validating>),    // -> shadowing | activating | rejected | failed, or waits
    on<Tick, switch_in_when_due>(in<Phase::validating>),      // -> activating
    on<Shadowed, count_shadow>(in<Phase::shadowing>),         // -> activating | validating (waits)
    on<Tick, end_shadow_run_when_due>(in<Phase::shadowing>),  // -> activating | validating (waits) | failed
    on<Activated, enter_service>(in<Phase::activating>),      // -> probation | committed
    on<ActivateFailed, undo_activation>(in<Phase::activating>),    // -> rolling_back | failed
    on<Observed, look>(in<Phase::probation>),                      // -> committed | rolling_back | failed
    on<RolledBack, end_roll_back>(in<Phase::rolling_back>),        // -> rolled_back
    on<RollBackFailed, roll_back_later>(in<Phase::rolling_back>),  //
    on<Tick, roll_back_when_due>(in<Phase::rolling_back>),         //
};

std::optional<std::int64_t> ticket_of(const Event& event) {
  return std::visit(
      [](const auto& e) -> std::optional<std::int64_t> {
        if constexpr (requires { e.ticket; })
          return e.ticket;
        else
          return std::nullopt;
      },
      event);
}

}  // namespace

Step step(const UpdateState& state, const Event& event, Instant now) {
  Step result{state, {}, false};
  const auto ticket = ticket_of(event);
  if (ticket && *ticket != state.ticket) return result;
  for (const Row& row : table) {
    if (row.event != event.index() || !row.applies(state.phase)) continue;
    Transition change{result.next, result.effects, now};
    row.act(change, event);
    result.keep = change.keep;
    break;
  }
  return result;
}

std::optional<Instant> wake_at(const UpdateState& state) {
  if (is_terminal(state.phase) && state.pending) return state.changed_at;
  return state.retry_at;
}

}  // namespace argosy::agent

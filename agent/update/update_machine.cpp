#include "agent/update/update_machine.hpp"

#include <algorithm>
#include <utility>

#include "agent/update/plan.hpp"
#include "common/base/random.hpp"

namespace argosy::agent {

namespace {

// One step in the making.
struct Move {
  UpdateState& s;
  std::vector<Effect>& effects;
  Instant now;
  bool keep = true;

  void enter(Phase phase) {
    s.phase = phase;
    s.changed_at = now;
    s.progress = 0;
    s.retry_at.reset();
    s.tries = 0;
    end_hold();
  }
  void end_hold() {
    if (std::exchange(s.held, false)) s.message.clear();
  }
  void await(Work work) { effects.push_back({std::move(work), ++s.ticket}); }  // its outcome comes back as an event
  void act(Work work) { effects.push_back({std::move(work), s.ticket}); }
  void ignore() { keep = false; }
};

bool same_wish(const wire::DesiredModel& a, const wire::DesiredModel& b) {
  return a.version == b.version && a.rollout == b.rollout && a.attempt == b.attempt &&
         a.artifact.digest == b.artifact.digest;
}

bool is_release(const std::optional<SlotContent>& content, const wire::DesiredModel& wish) {
  return content && content->version == wish.version && content->digest == wish.artifact.digest;
}

SlotName previous_of(const UpdateState& s) {
  return other(s.target);
}

void finish(Move& m, Phase phase, std::string cause, std::string message) {
  m.enter(phase);
  m.s.cause = std::move(cause);
  m.s.message = std::move(message);
  if (phase != Phase::failed) m.act(Sweep{});
}

void commit(Move& m, std::string message) {
  finish(m, Phase::committed, "", std::move(message));
  m.s.progress = 1;
  m.s.slots.at(m.s.target)->proven = true;
  m.act(MarkProven{m.s.target});
}

void roll_back(Move& m, std::string cause, std::string message) {
  if (!m.s.slots.at(previous_of(m.s)))
    return finish(m, Phase::failed, std::move(cause),
                  std::move(message) + "; there is no earlier version to go back to, so this one stays");
  m.enter(Phase::rolling_back);
  m.s.cause = std::move(cause);
  m.s.message = std::move(message);
  m.await(RollBack{previous_of(m.s)});
}

void begin_probation(Move& m) {
  m.enter(Phase::probation);
  m.s.probation_from = m.now;
  m.s.totals = {};
  m.s.strikes = 0;
}

// Planning: from a wish to a way -------------------------------------------------------------------------------------

UpdateState fresh_update(const UpdateState& s, const wire::DesiredModel& wish) {
  UpdateState fresh;
  fresh.slots = s.slots;
  fresh.ticket = s.ticket;
  fresh.seed = s.seed;
  fresh.wish = wish;
  fresh.target = s.slots.serving ? other(*s.slots.serving) : SlotName::a;
  return fresh;
}

void survey(Move& m) {
  m.enter(Phase::planning);
  m.s.fetching_dataset = false;
  m.s.wrong_bytes = 0;
  m.await(Survey{});
}

// What was fetched on the present way stays counted, and another way is looked for.
void leave_way(Move& m) {
  m.s.wasted_bytes += std::exchange(m.s.fetched_bytes, 0);
  m.s.source = Source::none;
  m.s.patch.reset();
  survey(m);
}

void start(Move& m, const wire::DesiredModel& wish) {
  m.s = fresh_update(m.s, wish);
  const SlotContent* served = m.s.slots.served();
  const bool serves_it = served != nullptr && is_release(*served, wish);
  if (serves_it) {
    m.s.source = Source::local;
    m.s.target = *m.s.slots.serving;
    return served->proven ? commit(m, "already in service") : begin_probation(m);
  }
  const auto& staged = m.s.slots.at(m.s.target);
  if (!is_release(staged, wish) || !staged->proven) return survey(m);
  m.s.source = Source::local;
  m.enter(Phase::activating);
  m.await(Activate{m.s.target});
}

bool is_complete(const UpdateState& s, const Surveyed& seen) {
  return seen.have_bytes == s.wish->artifact.size;
}

std::uint64_t bytes_of_way(const UpdateState& s) {
  return s.source == Source::patch ? s.patch->blob.size : s.wish->artifact.size;
}

void fetch(Move& m) {
  m.s.retry_at.reset();
  if (m.s.fetching_dataset) return m.await(FetchBlob{*m.s.wish->validation.dataset, true});
  if (m.s.source != Source::patch) return m.await(FetchBlob{m.s.wish->artifact, false});
  if (!is_streamed(*m.s.patch)) return m.await(FetchBlob{m.s.patch->blob, false});
  m.await(StreamPatch{*m.s.patch, m.s.slots.holding(m.s.patch->base_digest)});
}

// The model's own bytes are here: the data set next, then on to the slot.
void verify(Move& m) {
  if (!m.s.dataset_ready) {
    m.enter(Phase::downloading);
    m.s.fetching_dataset = true;
    return fetch(m);
  }
  m.s.fetching_dataset = false;
  if (m.s.source != Source::local) m.s.slots.at(m.s.target).reset();  // from now on it is overwritten
  m.enter(Phase::verifying);
  m.await(VerifyArtifact{m.s.target});
}

// What a patch should make is made: the artifact, or the base of the next patch.
void after_patch(Move& m) {
  if (m.s.patch->result) return leave_way(m);
  verify(m);
}

void choose_way(Move& m, const Surveyed& seen) {
  const wire::DesiredModel& wish = *m.s.wish;
  m.s.dataset_ready = seen.dataset_ready || !wish.validation.dataset;
  if (is_release(m.s.slots.at(m.s.target), wish)) {
    m.s.source = Source::local;
    return verify(m);
  }
  if (is_complete(m.s, seen) && m.s.source != Source::none) {  // the start came between its last byte and the slot
    m.s.fetched_bytes = bytes_of_way(m.s);
    return verify(m);
  }
  m.s.fetched_bytes = 0;
  Means means;
  means.free_bytes = seen.free_bytes;
  means.have_bytes = seen.have_bytes;
  means.dataset_bytes = m.s.dataset_ready ? 0 : wish.validation.dataset->size;
  means.reserve_bytes = disk_reserve;
  means.patches_allowed = !m.s.patches_refused;
  means.applied = seen.applied;
  means.results = seen.results;
  const auto plan = make_plan(wish, m.s.slots, m.s.target, means);
  if (!plan) return finish(m, Phase::failed, "no_space", plan.error().message);
  m.s.source = plan->source;
  m.s.patch = plan->patch;
  if (plan->clear_target) {
    m.s.slots.at(m.s.target).reset();
    m.act(ClearSlot{m.s.target});
  }
  m.enter(m.s.patch && is_streamed(*m.s.patch) ? Phase::patching : Phase::downloading);
  fetch(m);
}

std::string patch_failure(const Error& error) {
  return "the patch failed (" + std::string(slug(error.code)) + ": " + error.message + ")";
}

void take_whole_file(Move& m, const std::string& why) {
  m.s.patches_refused = true;
  leave_way(m);
  m.s.message = why + "; taking the whole file instead";
}

// Wishes ------------------------------------------------------------------------------------------------------------

void take_wish(Move& m, const Wished& event) {
  const wire::DesiredModel& wish = event.wish;
  if (m.s.wish && same_wish(*m.s.wish, wish)) {
    if (!m.s.pending) return m.ignore();
    return m.s.pending.reset();
  }
  if (is_terminal(m.s.phase)) return start(m, wish);
  if (is_before_activation(m.s.phase)) {
    m.act(Abort{});
    return start(m, wish);
  }
  if (m.s.phase == Phase::probation) {
    if (is_release(m.s.slots.at(m.s.target), wish)) {  // another rollout of the same version: go on under its name
      m.s.wish = wish;
      return m.s.pending.reset();
    }
    const auto& previous = m.s.slots.at(previous_of(m.s));
    if (is_release(previous, wish) && previous->proven) return start(m, wish);
  }
  if (m.s.pending && same_wish(*m.s.pending, wish) && m.s.pending->patches == wish.patches &&
      m.s.pending->signature == wish.signature)
    return m.ignore();
  m.s.pending = wish;  // also the same once more, when a patch or a signature came to it
}

void drop_wish(Move& m, const Withdrawn&) {
  m.s.pending.reset();
  if (!is_before_activation(m.s.phase)) return;
  m.act(Abort{});
  finish(m, Phase::failed, "cancelled", "the version is no longer wanted here");
}

void start_pending(Move& m, const Tick&) {
  if (!m.s.pending) return m.ignore();
  const wire::DesiredModel wish = *m.s.pending;
  start(m, wish);
}

// Fetching ------------------------------------------------------------------------------------------------------------

// A wall clock that jumped back must not stop the agent for years.
bool is_due(const UpdateState& s, const Tick& tick, Instant now) {
  return s.retry_at && (tick.due || now >= *s.retry_at || *s.retry_at - now > longest_wait);
}

// A fleet with the same hours does not begin in the same second.
Duration spread(const Move& m) {
  Rng rng(stable_hash(m.s.seed, "spread") + static_cast<std::uint64_t>(m.s.ticket));
  return Duration{static_cast<std::int64_t>(rng.below(longest_spread.count()))};
}

// No failed try, and no restart too many, however long it lasts.
void wait_for_owner(Move& m, const Hold& hold) {
  const Instant latest = m.now + look_again;
  m.keep = !m.s.held || m.s.starts > 0 || m.s.message != hold.why;
  m.s.starts = 0;
  m.s.held = true;
  m.s.message = hold.why;
  m.s.retry_at = hold.until && *hold.until < latest ? *hold.until + spread(m) : latest;
}

void wait_and_retry(Move& m, std::optional<Duration> at_least) {
  Rng rng(stable_hash(m.s.seed, m.s.wish ? m.s.wish->artifact.digest : "") + static_cast<std::uint64_t>(m.s.ticket));
  const Duration jitter = full_jitter(retry_base, retry_cap, m.s.tries, rng);
  m.s.retry_at = m.now + std::max(jitter, std::min(at_least.value_or(Duration{0}), longest_wait));
  ++m.s.tries;
}

void note_progress(Move& m, const FetchProgress& event) {
  m.keep = m.s.starts > 0 || m.s.held;
  m.end_hold();
  m.s.starts = 0;
  if (m.s.fetching_dataset) {
    m.s.tries = 0;
    return;
  }
  if (event.bytes > m.s.fetched_bytes) m.s.tries = 0;  // the same bytes once more are no progress
  m.s.fetched_bytes = std::max(m.s.fetched_bytes, event.bytes);
  const std::uint64_t whole = bytes_of_way(m.s);
  m.s.progress = whole == 0 ? 1 : std::min(1.0, static_cast<double>(event.bytes) / static_cast<double>(whole));
}

void take_blob(Move& m, const Fetched&) {
  m.s.starts = 0;
  m.s.tries = 0;
  m.s.wrong_bytes = 0;
  if (m.s.fetching_dataset) {
    m.s.dataset_ready = true;
    return verify(m);
  }
  m.s.fetched_bytes = bytes_of_way(m.s);
  if (m.s.source != Source::patch) return verify(m);
  if (m.s.phase == Phase::patching) return after_patch(m);
  m.enter(Phase::patching);
  m.await(ApplyPatch{*m.s.patch, m.s.slots.holding(m.s.patch->base_digest)});
}

void fetch_again_or_fail(Move& m, const FetchFailed& event) {
  const Error& error = event.error;
  if (event.hold) return wait_for_owner(m, *event.hold);
  if (error.code == Errc::out_of_space) return finish(m, Phase::failed, "no_space", error.message);
  m.end_hold();
  if (event.passing) {
    m.s.message = error.message;
    return wait_and_retry(m, event.retry_after);
  }
  const bool is_patch = m.s.source == Source::patch && !m.s.fetching_dataset;
  if (is_patch) return take_whole_file(m, patch_failure(error));
  const bool wrong = error.code == Errc::digest_mismatch;
  if (wrong && ++m.s.wrong_bytes < max_wrong_bytes) return wait_and_retry(m, std::nullopt);
  finish(m, Phase::failed, wrong ? "verify" : "download", error.message);
}

void fetch_when_due(Move& m, const Tick& tick) {
  if (!is_due(m.s, tick, m.now)) return m.ignore();
  m.keep = !m.s.held;  // a start finds the same, and a long wait does not wear out the disk
  fetch(m);
}

// From bytes to a version that serves ---------------------------------------------------------------------------------

void take_result(Move& m, const Patched&) {
  after_patch(m);
}

void give_up_patch(Move& m, const PatchFailed& event) {
  if (event.error.code == Errc::out_of_space) return finish(m, Phase::failed, "no_space", event.error.message);
  take_whole_file(m, patch_failure(event.error));
}

void validate(Move& m, const Verified&) {
  const wire::DesiredModel& wish = *m.s.wish;
  m.s.slots.at(m.s.target) = SlotContent{wish.version, wish.artifact.digest, wish.format, wish.artifact.size, false};
  m.enter(Phase::validating);
  m.await(Validate{m.s.target});
}

// "signature_key" and the like; empty for other errors.
std::string signature_cause(Errc code) {
  std::string cause(slug(code));
  std::replace(cause.begin(), cause.end(), '-', '_');
  return cause.starts_with("signature_") ? cause : std::string();
}

void refuse_bytes(Move& m, const VerifyFailed& event) {
  if (event.error.code == Errc::out_of_space) return finish(m, Phase::failed, "no_space", event.error.message);
  if (std::string cause = signature_cause(event.error.code); !cause.empty())
    return finish(m, Phase::rejected, std::move(cause), event.error.message);
  const Source source = m.s.source;
  m.s.slots.at(m.s.target).reset();
  if (source == Source::patch) return take_whole_file(m, event.error.message);
  if (source == Source::local) return leave_way(m);
  finish(m, Phase::failed, "verify", event.error.message);
}

void switch_in(Move& m) {
  m.enter(Phase::activating);
  m.await(Activate{m.s.target});
}

void judge_validated(Move& m, const Validated& event) {
  const ValidationOutcome& outcome = event.outcome;
  m.s.metric_value = outcome.value;
  m.s.serving_value = outcome.serving_value;
  m.s.serving_p95_ms = outcome.serving_p95_ms;
  m.s.samples = outcome.samples;
  m.s.latency_p95_ms = outcome.latency_p95_ms;
  m.s.peak_memory_mb = outcome.peak_memory_mb;
  if (!outcome.passed)
    return finish(m, outcome.models_fault ? Phase::rejected : Phase::failed, outcome.cause, outcome.message);
  m.s.baseline = event.baseline;
  m.s.message = outcome.message;
  m.s.progress = 1;
  if (event.hold) return wait_for_owner(m, *event.hold);
  switch_in(m);
}

void switch_in_when_due(Move& m, const Tick& tick) {
  if (!is_due(m.s, tick, m.now)) return m.ignore();
  if (tick.hold) return wait_for_owner(m, *tick.hold);
  switch_in(m);
}

void enter_service(Move& m, const Activated&) {
  m.s.slots.serving = m.s.target;
  if (m.s.slots.at(m.s.target)->proven) return commit(m, "it was in a slot already");
  begin_probation(m);
}

void undo_activation(Move& m, const ActivateFailed& event) {
  if (!event.switched) return finish(m, Phase::failed, "activate", event.error.message);
  m.s.slots.serving = m.s.target;
  roll_back(m, "activate", event.error.message);
}

void look(Move& m, const Observed& event) {
  m.s.totals = event.totals;
  if (m.now < *m.s.probation_from) m.s.probation_from = m.now;
  const auto verdict = judge_probation(m.s.wish->probation, m.s.baseline, m.s.totals, m.s.strikes,
                                       std::chrono::duration_cast<Duration>(m.now - *m.s.probation_from));
  const int strikes = verdict.strike ? m.s.strikes + 1 : 0;
  m.keep = strikes != m.s.strikes || verdict.choice != ProbationVerdict::Choice::wait;
  m.s.strikes = strikes;
  const auto whole = std::chrono::seconds(std::max<std::uint32_t>(1, m.s.wish->probation.duration_s));
  m.s.progress = std::min(1.0, std::chrono::duration<double>(m.now - *m.s.probation_from) / whole);
  if (verdict.choice == ProbationVerdict::Choice::commit)
    return commit(m, verdict.message.empty() ? m.s.message : verdict.message);
  if (verdict.choice == ProbationVerdict::Choice::roll_back) roll_back(m, verdict.cause, verdict.message);
}

void end_roll_back(Move& m, const RolledBack&) {
  m.s.slots.serving = previous_of(m.s);
  finish(m, Phase::rolled_back, m.s.cause, m.s.message);
}

void roll_back_later(Move& m, const RollBackFailed&) {
  wait_and_retry(m, std::nullopt);
}

void roll_back_when_due(Move& m, const Tick& tick) {
  if (!is_due(m.s, tick, m.now)) return m.ignore();
  m.s.retry_at.reset();
  m.await(RollBack{previous_of(m.s)});
}

// The transition table ------------------------------------------------------------------------------------------------

using Applies = bool (*)(Phase);
using Act = void (*)(Move&, const Event&);

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

template <class E, void (*Handler)(Move&, const E&)>
constexpr Row on(Applies applies) {
  return {applies, IndexOf<E, Event>::value, [](Move& m, const Event& event) { Handler(m, std::get<E>(event)); }};
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
    on<Wished, take_wish>(always),                                 // -> planning | activating | committed | …
    on<Withdrawn, drop_wish>(always),                              // -> failed (cancelled), before activation
    on<Tick, start_pending>(is_terminal),                          // -> as for Wished
    on<Surveyed, choose_way>(in<Phase::planning>),                 // -> downloading | patching | verifying | failed
    on<FetchProgress, note_progress>(is_fetching),                 //
    on<Fetched, take_blob>(is_fetching),                           // -> downloading | patching | verifying | planning
    on<FetchFailed, fetch_again_or_fail>(is_fetching),             // -> downloading | planning | failed
    on<Tick, fetch_when_due>(is_fetching),                         // -> downloading
    on<Patched, take_result>(in<Phase::patching>),                 // -> verifying | downloading | planning
    on<PatchFailed, give_up_patch>(in<Phase::patching>),           // -> planning | failed
    on<Verified, validate>(in<Phase::verifying>),                  // -> validating
    on<VerifyFailed, refuse_bytes>(in<Phase::verifying>),          // -> planning | failed
    on<Validated, judge_validated>(in<Phase::validating>),         // -> activating | rejected | failed, or waits
    on<Tick, switch_in_when_due>(in<Phase::validating>),           // -> activating
    on<Activated, enter_service>(in<Phase::activating>),           // -> probation | committed
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

// Recovery ------------------------------------------------------------------------------------------------------------

void mend_link(Move& m) {
  if (m.s.slots.served() != nullptr) return;
  m.s.slots.serving.reset();
  for (const SlotName slot : {SlotName::a, SlotName::b}) {
    if (!m.s.slots.at(slot) || !m.s.slots.at(slot)->proven) continue;
    m.s.slots.serving = slot;
    return m.act(MendLink{slot});
  }
}

// Without a journal: a proven version stays, one that was still on probation makes way for a proven one.
void recover_from_facts(Move& m) {
  const SlotContent* served = m.s.slots.served();
  if (served == nullptr || served->proven) return;
  const auto& spare = m.s.slots.at(other(*m.s.slots.serving));
  if (!spare || !spare->proven) return;
  m.s.target = *m.s.slots.serving;
  roll_back(m, "probation_crash", "the journal was lost while version " + served->version + " was on probation");
}

void recover_activation(Move& m) {
  if (!m.s.slots.at(m.s.target))
    return finish(m, Phase::failed, "activate", "the new version's slot is empty after a restart");
  const bool won = m.s.slots.serving == m.s.target;
  if (m.s.starts <= max_starts) return m.await(Activate{m.s.target});
  if (won) return roll_back(m, "attempts_exhausted", "the agent restarted too often during activation");
  finish(m, Phase::failed, "attempts_exhausted", "the agent restarted too often during activation");
}

void recover_probation(Move& m) {
  if (m.s.starts > max_starts)
    return roll_back(m, "attempts_exhausted", "the agent restarted too often during probation");
  if (m.s.slots.serving != m.s.target || !m.s.slots.at(m.s.target))
    return roll_back(m, "activate", "the version in probation was not in service after a restart");
  m.s.totals = {};
  m.s.strikes = 0;
}

void recover_from_journal(Move& m) {
  if (is_terminal(m.s.phase)) {
    const SlotContent* served = m.s.slots.served();
    if (m.s.phase != Phase::committed || served == nullptr || served->proven) return;
    m.s.slots.at(*m.s.slots.serving)->proven = true;
    return m.act(MarkProven{*m.s.slots.serving});
  }
  if (m.s.phase == Phase::rolling_back) return roll_back(m, m.s.cause, m.s.message);
  ++m.s.starts;
  if (m.s.phase == Phase::activating) return recover_activation(m);
  if (m.s.phase == Phase::probation) return recover_probation(m);
  if (m.s.starts <= max_starts) return survey(m);
  finish(
      m, Phase::failed, "attempts_exhausted",
      "the agent restarted " + std::to_string(m.s.starts) + " times while it was " + std::string(to_string(m.s.phase)));
}

}  // namespace

Step step(const UpdateState& state, const Event& event, Instant now) {
  Step result{state, {}, false};
  const auto ticket = ticket_of(event);
  if (ticket && *ticket != state.ticket) return result;
  for (const Row& row : table) {
    if (row.event != event.index() || !row.applies(state.phase)) continue;
    Move move{result.next, result.effects, now};
    row.act(move, event);
    result.keep = move.keep;
    break;
  }
  return result;
}

Step recover(const std::optional<UpdateState>& journal, const Slots& on_disk, Instant now) {
  Step result{journal.value_or(UpdateState{}), {}, true};
  result.next.slots = on_disk;
  Move move{result.next, result.effects, now};
  mend_link(move);
  if (journal)
    recover_from_journal(move);
  else
    recover_from_facts(move);
  return result;
}

std::optional<Instant> wake_at(const UpdateState& state) {
  if (is_terminal(state.phase) && state.pending) return state.changed_at;
  return state.retry_at;
}

}  // namespace argosy::agent

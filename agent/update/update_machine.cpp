#include "agent/update/update_machine.hpp"

#include <algorithm>
#include <utility>

#include "agent/update/plan.hpp"
#include "common/base/random.hpp"

namespace argosy::agent {

namespace {

// One step in the making.
struct Transition {
  UpdateState& state;
  std::vector<Effect>& effects;
  Instant now;
  bool keep = true;

  void enter(Phase phase) {
    state.phase = phase;
    state.changed_at = now;
    state.progress = 0;
    state.retry_at.reset();
    state.tries = 0;
    end_hold();
  }
  void end_hold() {
    if (std::exchange(state.held, false)) state.message.clear();
  }
  void await(Work work) { effects.push_back({std::move(work), ++state.ticket}); }  // its outcome comes back as an event
  void act(Work work) { effects.push_back({std::move(work), state.ticket}); }
  void ignore() { keep = false; }
};

bool same_wish(const wire::DesiredModel& a, const wire::DesiredModel& b) {
  return a.version == b.version && a.rollout == b.rollout && a.attempt == b.attempt && files_of(a) == files_of(b);
}

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

void commit(Transition& change, std::string message, std::string cause = "") {
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

// Planning: from a wish to a way -------------------------------------------------------------------------------------

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

void survey(Transition& change) {
  change.enter(Phase::planning);
  change.state.fetching_dataset = false;
  change.state.wrong_bytes = 0;
  change.await(Survey{});
}

// What was fetched on the present way stays counted, and another way is looked for.
void leave_way(Transition& change) {
  FileWay& way = change.state.way();
  change.state.wasted_bytes += std::exchange(way.fetched_bytes, 0);
  way.source = Source::none;
  way.patch.reset();
  survey(change);
}

void take_from_slot(UpdateState& s) {
  for (FileWay& way : s.ways) way.source = Source::local;
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

std::uint64_t bytes_of_way(const UpdateState& s) {
  if (s.way().source == Source::local) return 0;
  return s.way().source == Source::patch ? s.way().patch->blob.size : present_file(s).size;
}

void fetch(Transition& change) {
  change.state.retry_at.reset();
  if (change.state.fetching_dataset) return change.await(FetchBlob{*change.state.wish->validation.dataset, true});
  const FileWay& way = change.state.way();
  const wire::BlobRef file = present_file(change.state);
  const auto slot = way.source == Source::local ? change.state.slots.holding(file.digest) : std::nullopt;
  if (slot) return change.await(ShareFile{file, *slot});
  if (way.source != Source::patch) return change.await(FetchBlob{file, false});
  if (!is_streamed(*way.patch)) return change.await(FetchBlob{way.patch->blob, false});
  change.await(StreamPatch{*way.patch, change.state.slots.holding(way.patch->base_digest)});
}

// The version's own bytes are here: the data set next, then on to the slot.
void verify(Transition& change) {
  if (!change.state.dataset_ready) {
    change.enter(Phase::downloading);
    change.state.fetching_dataset = true;
    return fetch(change);
  }
  change.state.fetching_dataset = false;
  auto& content = change.state.slots.at(change.state.target);
  if (!is_release(content, *change.state.wish)) content.reset();  // from now on it is overwritten
  change.enter(Phase::verifying);
  change.await(VerifyVersion{change.state.target});
}

// The present file is here: the next one that is not, or on.
void take_next_file(Transition& change) {
  if (change.state.file + 1 == change.state.ways.size()) return verify(change);
  ++change.state.file;
  survey(change);
}

// What a patch should make is made: the file, or the base of the next patch.
void after_patch(Transition& change) {
  if (change.state.way().patch->result) return leave_way(change);
  take_next_file(change);
}

// Whether every file is. Of the present one the start may have come between its last byte and what follows it; what
// came by no way of this update an earlier one has fetched.
bool are_all_here(UpdateState& s, const Surveyed& seen) {
  const std::vector<wire::Part> files = files_of(*s.wish);
  bool all = true;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const bool is_here = seen.have_bytes[i] == files[i].blob.size;
    all = all && is_here;
    if (!is_here) continue;
    if (s.ways[i].source == Source::none)
      s.ways[i].source = Source::full;
    else if (i == s.file)
      s.way().fetched_bytes = bytes_of_way(s);
  }
  return all;
}

void choose_way(Transition& change, const Surveyed& seen) {
  const wire::DesiredModel& wish = *change.state.wish;
  if (!seen.unsuited.empty()) return finish(change, Phase::failed, "incompatible", seen.unsuited);
  change.state.dataset_ready = seen.dataset_ready || !wish.validation.dataset;
  if (is_release(change.state.slots.at(change.state.target), wish)) {
    take_from_slot(change.state);
    return verify(change);
  }
  if (are_all_here(change.state, seen)) return verify(change);
  PlanResources resources;
  resources.free_bytes = seen.free_bytes;
  resources.have_bytes = seen.have_bytes;
  resources.dataset_bytes = change.state.dataset_ready ? 0 : wish.validation.dataset->size;
  resources.reserve_bytes = disk_reserve;
  resources.whole_only.clear();
  for (const FileWay& way : change.state.ways) resources.whole_only.push_back(way.whole_only);
  resources.applied = seen.applied;
  resources.results = seen.results;
  const auto plan = make_plan(wish, change.state.slots, change.state.target, resources);
  if (!plan) return finish(change, Phase::failed, "no_space", plan.error().message);
  change.state.file = plan->file;
  FileWay& way = change.state.way();
  way.fetched_bytes = 0;
  way.source = plan->source;
  way.patch = plan->patch;
  if (plan->clear_target) {
    change.state.slots.at(change.state.target).reset();
    change.act(ClearSlot{change.state.target});
  }
  change.enter(way.patch && is_streamed(*way.patch) ? Phase::patching : Phase::downloading);
  fetch(change);
}

std::string patch_failure(const Error& error) {
  return "the patch failed (" + std::string(slug(error.code)) + ": " + error.message + ")";
}

void take_whole_file(Transition& change, const std::string& why) {
  change.state.way().whole_only = true;
  leave_way(change);
  change.state.message = why + "; taking the whole file instead";
}

// Wishes ------------------------------------------------------------------------------------------------------------

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

// Fetching ------------------------------------------------------------------------------------------------------------

// A wall clock that jumped back must not stop the agent for years.
bool is_due(const UpdateState& s, const Tick& tick, Instant now) {
  return s.retry_at && (tick.due || now >= *s.retry_at || *s.retry_at - now > longest_wait);
}

// A fleet with the same hours does not begin in the same second.
Duration spread(const Transition& change) {
  Rng rng(stable_hash(change.state.seed, "spread") + static_cast<std::uint64_t>(change.state.ticket));
  return Duration{static_cast<std::int64_t>(rng.below(longest_spread.count()))};
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

// Of all files, with so many bytes of the present way fetched.
double share_done(const UpdateState& s, std::uint64_t bytes) {
  const std::uint64_t whole = bytes_of_way(s);
  const double of_file = whole == 0 ? 1 : std::min(1.0, static_cast<double>(bytes) / static_cast<double>(whole));
  const std::vector<wire::Part> files = files_of(*s.wish);
  const auto all = static_cast<double>(size_of(files));
  if (all == 0) return of_file;
  const auto before =
      static_cast<double>(size_of({files.begin(), files.begin() + static_cast<std::ptrdiff_t>(s.file)}));
  return (before + of_file * static_cast<double>(files[s.file].blob.size)) / all;
}

void note_progress(Transition& change, const FetchProgress& event) {
  change.keep = change.state.starts > 0 || change.state.held;
  change.end_hold();
  change.state.starts = 0;
  if (change.state.fetching_dataset) {
    change.state.tries = 0;
    return;
  }
  FileWay& way = change.state.way();
  if (event.bytes > way.fetched_bytes) change.state.tries = 0;  // the same bytes once more are no progress
  way.fetched_bytes = std::max(way.fetched_bytes, event.bytes);
  change.state.progress = share_done(change.state, event.bytes);
}

void take_blob(Transition& change, const Fetched&) {
  change.state.starts = 0;
  change.state.tries = 0;
  change.state.wrong_bytes = 0;
  if (change.state.fetching_dataset) {
    change.state.dataset_ready = true;
    return verify(change);
  }
  FileWay& way = change.state.way();
  way.fetched_bytes = bytes_of_way(change.state);
  if (way.source != Source::patch) return take_next_file(change);
  if (change.state.phase == Phase::patching) return after_patch(change);
  change.enter(Phase::patching);
  change.await(ApplyPatch{*way.patch, change.state.slots.holding(way.patch->base_digest)});
}

void fetch_again_or_fail(Transition& change, const FetchFailed& event) {
  const Error& error = event.error;
  if (event.hold) return wait_for_owner(change, *event.hold);
  if (error.code == Errc::out_of_space) return finish(change, Phase::failed, "no_space", error.message);
  change.end_hold();
  if (event.passing) {
    change.state.message = error.message;
    return wait_and_retry(change, event.retry_after);
  }
  const Source source = change.state.fetching_dataset ? Source::full : change.state.way().source;
  if (source == Source::patch) return take_whole_file(change, patch_failure(error));
  if (source == Source::local) return take_whole_file(change, error.message);
  const bool wrong = error.code == Errc::digest_mismatch;
  if (wrong && ++change.state.wrong_bytes < max_wrong_bytes) return wait_and_retry(change, std::nullopt);
  finish(change, Phase::failed, wrong ? "verify" : "download", error.message);
}

void fetch_when_due(Transition& change, const Tick& tick) {
  if (!is_due(change.state, tick, change.now)) return change.ignore();
  change.keep = !change.state.held;  // a start finds the same, and a long wait does not wear out the disk
  fetch(change);
}

// From bytes to a version that serves ---------------------------------------------------------------------------------

void take_result(Transition& change, const Patched&) {
  after_patch(change);
}

void give_up_patch(Transition& change, const PatchFailed& event) {
  if (event.error.code == Errc::out_of_space) return finish(change, Phase::failed, "no_space", event.error.message);
  take_whole_file(change, patch_failure(event.error));
}

void validate(Transition& change, const Verified&) {
  const wire::DesiredModel& wish = *change.state.wish;
  change.state.slots.at(change.state.target) = content_of(wish);
  change.enter(Phase::validating);
  change.await(Validate{change.state.target});
}

// "signature_key" and the like; empty for other errors.
std::string signature_cause(Errc code) {
  std::string cause(slug(code));
  std::replace(cause.begin(), cause.end(), '-', '_');
  return cause.starts_with("signature_") ? cause : std::string();
}

void refuse_bytes(Transition& change, const VerifyFailed& event) {
  if (event.error.code == Errc::out_of_space) return finish(change, Phase::failed, "no_space", event.error.message);
  if (std::string cause = signature_cause(event.error.code); !cause.empty())
    return finish(change, Phase::rejected, std::move(cause), event.error.message);
  auto& content = change.state.slots.at(change.state.target);
  const bool was_in_slot = is_release(content, *change.state.wish);
  content.reset();
  change.state.file = std::min(event.file, change.state.ways.size() - 1);
  if (was_in_slot) return leave_way(change);
  // Another model's update may have swept a file of the same digest away.
  const bool is_gone = event.error.code == Errc::not_found && !change.state.way().whole_only;
  if (is_gone || change.state.way().source != Source::full) return take_whole_file(change, event.error.message);
  finish(change, Phase::failed, "verify", event.error.message);
}

void switch_in(Transition& change) {
  change.enter(Phase::activating);
  change.await(Activate{change.state.target});
}

// The shadow run ------------------------------------------------------------------------------------------------------

// Without a version that serves there is nothing to hold the new one against.
bool wants_shadow_run(const UpdateState& s) {
  return s.wish->shadow && s.slots.served() != nullptr;
}

std::string too_few_samples(const UpdateState& s) {
  return "the shadow run ended with " + std::to_string(s.shadow.samples) + " of " +
         std::to_string(s.wish->shadow->samples) + " samples after " + std::to_string(s.wish->shadow->max_s) + " s";
}

// Back among the validated: it is switched in now, or in its owner's hours.
void end_shadow_run(Transition& change, const std::optional<Hold>& hold) {
  const UpdateState& s = change.state;
  if (s.shadow.samples < s.wish->shadow->samples) {
    if (s.wish->shadow->required)
      return finish(change, Phase::failed, "shadow_too_few",
                    too_few_samples(s) + ": does the inference program offer them? docs/observations.md");
    change.state.message += (s.message.empty() ? "" : "; ") + too_few_samples(s);
  }
  if (!hold) return switch_in(change);
  if (s.phase == Phase::shadowing) change.enter(Phase::validating);
  change.state.progress = 1;
  wait_for_owner(change, *hold);
}

// Also after a restart, which costs it neither its samples nor its time.
void begin_shadow_run(Transition& change, const std::optional<Hold>& hold) {
  UpdateState& s = change.state;
  if (!s.shadow_from || change.now < *s.shadow_from) s.shadow_from = change.now;  // a clock that went back
  const Instant end = *s.shadow_from + std::chrono::seconds(s.wish->shadow->max_s);
  if (s.shadow.samples >= s.wish->shadow->samples || change.now >= end) return end_shadow_run(change, hold);
  change.enter(Phase::shadowing);
  s.retry_at = end;
}

void judge_validated(Transition& change, const Validated& event) {
  const ValidationOutcome& outcome = event.outcome;
  change.state.metric_value = outcome.value;
  change.state.serving_value = outcome.serving_value;
  change.state.serving_p95_ms = outcome.serving_p95_ms;
  change.state.samples = outcome.samples;
  change.state.latency_p95_ms = outcome.latency_p95_ms;
  change.state.peak_memory_mb = outcome.peak_memory_mb;
  if (!outcome.passed)
    return finish(change, outcome.models_fault ? Phase::rejected : Phase::failed, outcome.cause, outcome.message);
  change.state.baseline = event.baseline;
  change.state.message = outcome.message;
  change.state.progress = 1;
  if (wants_shadow_run(change.state)) return begin_shadow_run(change, event.hold);
  if (event.hold) return wait_for_owner(change, *event.hold);
  switch_in(change);
}

void count_shadow(Transition& change, const Shadowed& event) {
  add(change.state.shadow, event.seen);
  change.state.starts = 0;
  const std::uint64_t wanted = change.state.wish->shadow->samples;
  change.state.progress = std::min(1.0, static_cast<double>(change.state.shadow.samples) / static_cast<double>(wanted));
  if (change.state.shadow.samples >= wanted) end_shadow_run(change, event.hold);
}

void end_shadow_run_when_due(Transition& change, const Tick& tick) {
  if (!is_due(change.state, tick, change.now)) return change.ignore();
  end_shadow_run(change, tick.hold);
}

void switch_in_when_due(Transition& change, const Tick& tick) {
  if (!is_due(change.state, tick, change.now)) return change.ignore();
  if (tick.hold) return wait_for_owner(change, *tick.hold);
  switch_in(change);
}

void enter_service(Transition& change, const Activated&) {
  change.state.slots.serving = change.state.target;
  if (change.state.slots.at(change.state.target)->proven) return commit(change, "it was in a slot already");
  begin_probation(change);
}

void undo_activation(Transition& change, const ActivateFailed& event) {
  if (!event.switched) return finish(change, Phase::failed, "activate", event.error.message);
  change.state.slots.serving = change.state.target;
  roll_back(change, "activate", event.error.message);
}

void look(Transition& change, const Observed& event) {
  change.state.totals = event.totals;
  if (change.now < *change.state.probation_from) change.state.probation_from = change.now;
  const auto verdict =
      judge_probation(change.state.wish->probation, change.state.baseline, change.state.totals, change.state.strikes,
                      std::chrono::duration_cast<Duration>(change.now - *change.state.probation_from));
  const int strikes = verdict.strike ? change.state.strikes + 1 : 0;
  change.keep = strikes != change.state.strikes || verdict.choice != ProbationVerdict::Choice::wait;
  change.state.strikes = strikes;
  const auto whole = std::chrono::seconds(std::max<std::uint32_t>(1, change.state.wish->probation.duration_s));
  change.state.progress =
      std::min(1.0, std::chrono::duration<double>(change.now - *change.state.probation_from) / whole);
  if (verdict.choice == ProbationVerdict::Choice::commit)
    return commit(change, verdict.message.empty() ? change.state.message : verdict.message, verdict.cause);
  if (verdict.choice == ProbationVerdict::Choice::roll_back) roll_back(change, verdict.cause, verdict.message);
}

void end_roll_back(Transition& change, const RolledBack&) {
  change.state.slots.serving = previous_of(change.state);
  finish(change, Phase::rolled_back, change.state.cause, change.state.message);
}

void roll_back_later(Transition& change, const RollBackFailed&) {
  wait_and_retry(change, std::nullopt);
}

void roll_back_when_due(Transition& change, const Tick& tick) {
  if (!is_due(change.state, tick, change.now)) return change.ignore();
  change.state.retry_at.reset();
  change.await(RollBack{previous_of(change.state)});
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

// Recovery ------------------------------------------------------------------------------------------------------------

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

std::optional<Instant> wake_at(const UpdateState& state) {
  if (is_terminal(state.phase) && state.pending) return state.changed_at;
  return state.retry_at;
}

}  // namespace argosy::agent

#include "agent/update/update_trial.hpp"

#include <algorithm>
#include <utility>

#include "agent/update/update_fetching.hpp"

namespace argosy::agent::machine {

namespace {

// "signature_key" and the like; empty for other errors.
std::string signature_cause(Errc code) {
  std::string cause(slug(code));
  std::replace(cause.begin(), cause.end(), '-', '_');
  return cause.starts_with("signature_") ? cause : std::string();
}

void switch_in(Transition& change) {
  change.enter(Phase::activating);
  change.await(Activate{change.state.target});
}

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

}  // namespace

void validate(Transition& change, const Verified&) {
  const wire::DesiredModel& wish = *change.state.wish;
  change.state.slots.at(change.state.target) = content_of(wish);
  change.enter(Phase::validating);
  change.await(Validate{change.state.target});
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

}  // namespace argosy::agent::machine

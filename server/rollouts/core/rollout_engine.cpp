#include "server/rollouts/core/rollout_engine.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

namespace argosy::server {
namespace {

using std::chrono::seconds;

std::string of(std::int64_t part, std::int64_t whole) {
  return std::to_string(part) + " of " + std::to_string(whole);
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

RolloutState state_after(Reaction reaction) {
  switch (reaction) {
    case Reaction::pause:
      return RolloutState::paused;
    case Reaction::halt:
      return RolloutState::halted;
    case Reaction::rollback:
      return RolloutState::rolling_back;
  }
  return RolloutState::paused;
}

std::string decision_word(Reaction reaction) {
  return reaction == Reaction::rollback ? "roll back" : std::string(to_string(reaction));
}

// Abort criteria
// -------------------------------------------------------------------------------------------------------

std::int64_t failures_of(const AbortCriterion& criterion, const Counts& counts) {
  std::int64_t total = 0;
  for (const auto& cause : criterion.causes) {
    if (cause == "*") return failed(counts);
    total += count_of(counts, cause);
  }
  return total;
}

bool reaches(const AbortCriterion& criterion, const Counts& counts) {
  const auto done = executed(counts);
  if (done < criterion.min_executed) return false;
  return static_cast<double>(failures_of(criterion, counts)) >= criterion.share * static_cast<double>(done);
}

Decision abort_decision(const AbortCriterion& criterion, const Counts& counts, const std::string& where) {
  std::string causes;
  for (const auto& cause : criterion.causes) causes += (causes.empty() ? "" : ", ") + cause;
  const auto failures = failures_of(criterion, counts);
  const auto done = executed(counts);
  return {"abort",
          decision_word(criterion.action),
          of(failures, done) + " devices " + where + " failed (" + causes + "); the limit is a share of " +
              number(criterion.share) + " from " + std::to_string(criterion.min_executed) + " on",
          {{"causes", criterion.causes},
           {"failed", failures},
           {"executed", done},
           {"share", criterion.share},
           {"min_executed", criterion.min_executed},
           {"counts", counts}}};
}

std::optional<ChangeState> check_abort(const Snapshot& snapshot) {
  const auto total = total_counts(snapshot);
  for (std::size_t i = 0; i < snapshot.policy.abort.size(); ++i) {
    const auto& criterion = snapshot.policy.abort[i];
    const auto seen = i < snapshot.acknowledged.failures.size() ? snapshot.acknowledged.failures[i] : 0;
    if (failures_of(criterion, total) <= seen) continue;
    if (reaches(criterion, total)) {
      return ChangeState{state_after(criterion.action), abort_decision(criterion, total, "of the rollout")};
    }
    for (int wave = 0; wave <= snapshot.wave; ++wave) {
      const auto& counts = snapshot.waves[static_cast<std::size_t>(wave)].counts;
      if (!reaches(criterion, counts)) continue;
      return ChangeState{state_after(criterion.action), abort_decision(criterion, counts, "of " + wave_name(wave))};
    }
  }
  return std::nullopt;
}

// Guards
// ---------------------------------------------------------------------------------------------------------------

bool is_acknowledged(const Snapshot& snapshot, GuardMetric metric) {
  const auto& list = snapshot.acknowledged.guards;
  return std::find(list.begin(), list.end(), metric) != list.end();
}

std::optional<ChangeState> check_guards(const Snapshot& snapshot) {
  for (std::size_t i = 0; i < std::min(snapshot.guards.size(), snapshot.policy.guards.size()); ++i) {
    const auto& verdict = snapshot.guards[i];
    const auto& guard = snapshot.policy.guards[i];
    if (verdict.verdict != Verdict::fail || guard.mode == GuardMode::advisory) continue;
    if (is_acknowledged(snapshot, verdict.metric)) continue;
    return ChangeState{state_after(guard.action),
                       {"guard", decision_word(guard.action), verdict.message, encode(verdict)}};
  }
  return std::nullopt;
}

// The gate of the open wave
// --------------------------------------------------------------------------------------------

enum class GateVerdict : std::uint8_t { hold, start_bake, stop, pass };

struct Gate {
  GateVerdict verdict = GateVerdict::hold;
  std::string reason;
};

// Devices of the wave that can still say something about the release.
std::int64_t live(const WaveView& wave) {
  return wave.planned - neutral(wave.counts);
}

// Outcomes that speak for opening the next wave. When the rest of this wave is away, what earlier waves showed counts
// as well: else one switched-off device would hold the fleet.
std::int64_t evidence(const Snapshot& snapshot) {
  std::int64_t outcomes = 0;
  for (int wave = 0; wave <= snapshot.wave; ++wave) {
    outcomes += executed(snapshot.waves[static_cast<std::size_t>(wave)].counts);
  }
  return outcomes;
}

Gate check_executed(const Snapshot& snapshot) {
  const auto& gate = snapshot.policy.gate;
  const auto& wave = snapshot.waves[static_cast<std::size_t>(snapshot.wave)];
  if (live(wave) <= 0) {
    return {GateVerdict::stop, "every device of the wave was cancelled, superseded or removed: it proves nothing"};
  }
  const auto waiting = wave.queued_reachable + wave.running_reachable + wave.suspects;
  const auto done = executed(wave.counts);
  if (waiting > 0) {
    return {GateVerdict::hold, "waiting for " + std::to_string(waiting) + " reachable devices; " +
                                   of(done, live(wave)) + " have an outcome"};
  }
  if (wave.tries_ahead > 0) {
    return {GateVerdict::hold,
            "waiting for " + std::to_string(wave.tries_ahead) + " failed devices, which try again by themselves"};
  }
  const auto needed = std::min(gate.min_executed, live(wave));
  if (evidence(snapshot) < needed) {
    return {GateVerdict::hold,
            of(evidence(snapshot), needed) + " needed outcomes are in, and no further device is reachable"};
  }
  if (static_cast<double>(succeeded(wave.counts)) < gate.success_share * static_cast<double>(done)) {
    return {GateVerdict::stop, of(succeeded(wave.counts), done) + " devices succeeded, the gate asks for a share of " +
                                   number(gate.success_share)};
  }
  return {GateVerdict::pass, of(succeeded(wave.counts), done) + " devices succeeded"};
}

// The look at the longest dwell is taken beside the ticks, and has this long to come.
constexpr seconds for_the_last_look{60};

Gate check_guard_verdicts(const Snapshot& snapshot, Instant bake_end, Instant now) {
  const Instant dwell_end = bake_end + seconds(snapshot.policy.gate.max_dwell_s);
  for (const auto& verdict : snapshot.guards) {
    if (verdict.mode == GuardMode::advisory || verdict.verdict == Verdict::pass || verdict.verdict == Verdict::skipped)
      continue;
    if (verdict.verdict == Verdict::fail) {
      return {GateVerdict::hold, verdict.message + ": accepted by an operator, so only an operator promotes"};
    }
    const bool is_last_word = verdict.is_final || now >= dwell_end + for_the_last_look;
    if (now < dwell_end || !is_last_word) return {GateVerdict::hold, verdict.message};
    return {GateVerdict::stop, "inconclusive: " + verdict.message + ", and the longest wait is over"};
  }
  return {GateVerdict::pass, ""};
}

Gate check_gate(const Snapshot& snapshot, Instant now) {
  const auto& policy = snapshot.policy.gate;
  const auto& wave = snapshot.waves[static_cast<std::size_t>(snapshot.wave)];
  auto outcome = check_executed(snapshot);
  if (outcome.verdict != GateVerdict::pass) return outcome;
  if (!wave.bake_started_at) return {GateVerdict::start_bake, outcome.reason + "; baking begins"};
  const auto bake_end = *wave.bake_started_at + seconds(policy.bake_s);
  if (now < bake_end) return {GateVerdict::hold, outcome.reason + "; baking until " + to_rfc3339(bake_end)};
  auto guards = check_guard_verdicts(snapshot, bake_end, now);
  if (guards.verdict != GateVerdict::pass) return guards;
  if (policy.manual && next_wave(snapshot, snapshot.wave)) {
    return {GateVerdict::hold, outcome.reason + "; waiting for an operator to promote"};
  }
  return outcome;
}

nlohmann::json gate_inputs(const Snapshot& snapshot) {
  const auto& wave = snapshot.waves[static_cast<std::size_t>(snapshot.wave)];
  nlohmann::json inputs{{"wave", snapshot.wave},
                        {"planned", wave.planned},
                        {"executed", executed(wave.counts)},
                        {"succeeded", succeeded(wave.counts)},
                        {"queued_unreachable", count_of(wave.counts, "queued") - wave.queued_reachable},
                        {"counts", wave.counts},
                        {"guards", nlohmann::json::array()}};
  for (const auto& verdict : snapshot.guards) inputs["guards"].push_back(encode(verdict));
  return inputs;
}

ChangeState complete(const Snapshot& snapshot, const std::string& reason) {
  const auto total = total_counts(snapshot);
  std::string message = "the last wave passed its gate: " + reason;
  const auto stragglers = count_of(total, "queued") + in_progress(total);
  if (stragglers > 0) message += "; " + std::to_string(stragglers) + " devices get it when they are seen";
  return {RolloutState::completed, {"gate", "complete", std::move(message), gate_inputs(snapshot)}};
}

std::optional<Action> pass_gate(const Snapshot& snapshot, Instant now) {
  const auto gate = check_gate(snapshot, now);
  switch (gate.verdict) {
    case GateVerdict::hold:
      return std::nullopt;
    case GateVerdict::start_bake:
      return StartBake{snapshot.wave};
    case GateVerdict::stop:
      return ChangeState{RolloutState::paused,
                         {"gate", "pause", wave_name(snapshot.wave) + ": " + gate.reason, gate_inputs(snapshot)}};
    case GateVerdict::pass:
      break;
  }
  const auto next = next_wave(snapshot, snapshot.wave);
  if (!next) return complete(snapshot, gate.reason);
  const auto opened = "open " + wave_name(*next);
  return OpenWave{*next, {"gate", opened, wave_name(snapshot.wave) + " passed: " + gate.reason, gate_inputs(snapshot)}};
}

// Pace
// -----------------------------------------------------------------------------------------------------------------

std::optional<Notify> notify_more(const Snapshot& snapshot) {
  std::int64_t queued = 0;
  std::int64_t running = 0;
  for (std::size_t i = 0; i < snapshot.waves.size(); ++i) {
    if (static_cast<int>(i) <= snapshot.wave) queued += snapshot.waves[i].queued_reachable;
    running += snapshot.waves[i].running_reachable;
  }
  const auto devices = std::min(queued, snapshot.policy.max_in_progress - running);
  if (devices <= 0) return std::nullopt;
  return Notify{snapshot.wave, devices};
}

std::optional<TryAgain> try_again(const Snapshot& snapshot) {
  const auto devices = std::min(snapshot.tries_due, most_tries_at_once);
  if (devices == 0) return std::nullopt;
  const auto& policy = snapshot.policy.retry;
  return TryAgain{{"retry",
                   "retry",
                   std::to_string(devices) + " failed devices try again by themselves, each at most " +
                       std::to_string(policy.max_attempts) + " times in all",
                   {{"devices", devices},
                    {"causes", policy.causes},
                    {"max_attempts", policy.max_attempts},
                    {"backoff_s", policy.backoff_s}}}};
}

std::optional<TimeOut> time_out(const Snapshot& snapshot, Instant now) {
  if (!snapshot.oldest_clock) return std::nullopt;
  const Instant limit = now - seconds(snapshot.policy.in_progress_timeout_s);
  if (*snapshot.oldest_clock > limit) return std::nullopt;
  return TimeOut{limit};
}

void run(const Snapshot& snapshot, Instant now, std::vector<Action>& actions) {
  if (!snapshot.fault.empty()) {
    actions.push_back(ChangeState{
        RolloutState::paused, {"fault", "pause", "it cannot go on: " + snapshot.fault, {{"fault", snapshot.fault}}}});
    return;
  }
  if (auto abort = check_abort(snapshot)) {
    actions.push_back(std::move(*abort));
    return;
  }
  if (auto guard = check_guards(snapshot)) {
    actions.push_back(std::move(*guard));
    return;
  }
  if (!snapshot.withdrawn.empty()) {
    actions.push_back(
        ChangeState{RolloutState::paused, {"withdrawn", "pause", snapshot.withdrawn, nlohmann::json::object()}});
    return;
  }
  if (auto again = try_again(snapshot)) {
    actions.push_back(std::move(*again));  // alone, as a time-out
    return;
  }
  if (auto more = notify_more(snapshot)) actions.push_back(*more);
  if (auto next = pass_gate(snapshot, now)) actions.push_back(std::move(*next));
}

ChangeState rolled_back(const Snapshot& snapshot) {
  const auto total = total_counts(snapshot);
  std::string message = std::to_string(count_of(total, "rolled_back")) + " devices are back on their previous release";
  const auto away = count_of(total, "rolling_back");
  if (away > 0) message += "; " + std::to_string(away) + " unreachable ones go back when they are seen";
  return {RolloutState::rolled_back, {"rollback", "rolled back", std::move(message), {{"counts", total}}}};
}

}  // namespace

Counts total_counts(const Snapshot& snapshot) {
  Counts total;
  for (const auto& wave : snapshot.waves) total = sum(total, wave.counts);
  return total;
}

std::optional<int> next_wave(const Snapshot& snapshot, int wave) {
  for (int i = wave + 1; i < static_cast<int>(snapshot.waves.size()); ++i) {
    if (snapshot.waves[static_cast<std::size_t>(i)].planned > 0) return i;
  }
  return std::nullopt;
}

int last_wave(const Snapshot& snapshot) {
  int last = 0;
  while (const auto next = next_wave(snapshot, last)) last = *next;
  return last;
}

Acknowledged acknowledge(const Snapshot& snapshot) {
  Acknowledged seen;
  const auto total = total_counts(snapshot);
  for (const auto& criterion : snapshot.policy.abort) seen.failures.push_back(failures_of(criterion, total));
  for (const auto& verdict : snapshot.guards) {
    if (verdict.verdict == Verdict::fail) seen.guards.push_back(verdict.metric);
  }
  return seen;
}

std::string gate_status(const Snapshot& snapshot, Instant now) {
  if (!snapshot.fault.empty()) return "it cannot go on: " + snapshot.fault;
  if (snapshot.stopping) return "devices are being told of the stop";
  if (snapshot.state != RolloutState::running || snapshot.waves.empty()) return "";
  return check_gate(snapshot, now).reason;
}

std::vector<Action> next_actions(const Snapshot& snapshot, Instant now) {
  std::vector<Action> actions;
  if (snapshot.waves.empty() || snapshot.state == RolloutState::draft || snapshot.stopping) return actions;
  if (auto overdue = time_out(snapshot, now)) {
    actions.push_back(*overdue);  // alone: a gate must not be judged by counts that are about to change
    return actions;
  }
  switch (snapshot.state) {
    case RolloutState::running:
      run(snapshot, now, actions);
      break;
    case RolloutState::completed:
      if (!snapshot.fault.empty() || !snapshot.withdrawn.empty()) break;
      if (auto more = notify_more(snapshot)) actions.push_back(*more);
      break;
    case RolloutState::rolling_back:
      if (snapshot.rolling_back_reachable == 0) actions.push_back(rolled_back(snapshot));
      break;
    default:
      break;
  }
  return actions;
}

}  // namespace argosy::server

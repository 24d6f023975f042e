#include "server/rollouts/core/rollout_engine.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "server/rollouts/core/dwell.hpp"
#include "server/rollouts/core/newcomers.hpp"

namespace argosy::server {
namespace {

using std::chrono::seconds;

constexpr seconds looks_for_more_every{10};

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

bool is_acknowledged(const Snapshot& snapshot, const GuardedMetric& metric) {
  const auto& list = snapshot.acknowledged.guards;
  return std::any_of(list.begin(), list.end(), [&metric](const auto& seen) { return seen.is_same(metric); });
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

// Never good news without a word about it.
std::string on_too_little(std::int64_t devices) {
  if (devices == 0) return "";
  return ", " + std::to_string(devices) + " of them after a probation with too few observations";
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
    return {GateVerdict::hold, "waiting for " + std::to_string(waiting) + " reachable " +
                                   (waiting == 1 ? "device; " : "devices; ") + of(done, live(wave)) +
                                   " have an outcome"};
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
  return {GateVerdict::pass, of(succeeded(wave.counts), done) + " devices succeeded" + on_too_little(wave.too_few)};
}

// A verdict that fails, and that an operator accepted: else the rollout would have stopped.
Gate check_accepted_guards(const Snapshot& snapshot) {
  for (const auto& verdict : snapshot.guards) {
    if (verdict.mode == GuardMode::advisory || verdict.verdict != Verdict::fail) continue;
    return {GateVerdict::hold, verdict.message + ": accepted by an operator, so only an operator promotes"};
  }
  return {GateVerdict::pass, ""};
}

// The look at the longest dwell is taken beside the ticks, and has this long to come.
constexpr seconds for_the_last_look{60};

bool still_waits(const GuardVerdict& verdict) {
  return verdict.mode != GuardMode::advisory && verdict.verdict != Verdict::pass && verdict.verdict != Verdict::skipped;
}

Gate check_guard_verdicts(const Snapshot& snapshot, Instant bake_end, Instant now) {
  if (auto accepted = check_accepted_guards(snapshot); accepted.verdict != GateVerdict::pass) return accepted;
  const auto& policy = snapshot.policy;
  const seconds longest(policy.gate.max_dwell_s);
  for (const auto& verdict : snapshot.guards) {
    if (!still_waits(verdict)) continue;
    const bool has_ended = has_dwelt(policy, snapshot.zones, bake_end, longest, now);
    const bool is_last_word =
        verdict.is_final || has_dwelt(policy, snapshot.zones, bake_end, longest + for_the_last_look, now);
    if (!has_ended || !is_last_word) return {GateVerdict::hold, verdict.message};
    return {GateVerdict::stop, "inconclusive: " + verdict.message + ", and the longest wait is over"};
  }
  return {GateVerdict::pass, ""};
}

Gate promoted(const std::string& reason, const std::vector<std::string>& overridden) {
  std::string why = reason + "; an operator promotes all waves without their bakes";
  if (!overridden.empty()) why += ", and overrides the required guard " + overridden.front();
  return {GateVerdict::pass, std::move(why)};
}

Gate check_gate(const Snapshot& snapshot, Instant now) {
  const auto& policy = snapshot.policy.gate;
  const auto& wave = snapshot.waves[static_cast<std::size_t>(snapshot.wave)];
  auto outcome = check_executed(snapshot);
  if (outcome.verdict != GateVerdict::pass) return outcome;
  if (snapshot.promote_all && next_wave(snapshot, snapshot.wave)) {
    if (auto accepted = check_accepted_guards(snapshot); accepted.verdict != GateVerdict::pass) return accepted;
    const auto required = waiting_required_guards(snapshot);
    if (required.empty() || snapshot.overrides_guards) return promoted(outcome.reason, required);
    outcome.reason += "; promoting all does not skip the required guard " + required.front();
  }
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
                        {"probation_too_few", wave.too_few},
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
  if (snapshot.standing) message += "; it stands: devices that come later get it";
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

// Queued and reachable devices of this wave whose turn has come.
std::int64_t due_in(const Snapshot& snapshot, const WaveView& wave, Instant now) {
  const auto told = wave.planned - count_of(wave.counts, "queued");
  const auto spread = spread_so_far(snapshot.policy.pace, wave.planned, wave.opened_at, now);
  return std::clamp<std::int64_t>(spread - told, 0, wave.queued_reachable);
}

// A reason not to tell more devices, and how many it lets through.
struct Brake {
  std::int64_t devices = 0;
  std::string reason;
};

std::vector<Brake> brakes(const Snapshot& snapshot, Instant now) {
  const auto& policy = snapshot.policy;
  std::int64_t due = 0;
  std::int64_t running = 0;
  std::int64_t fetching = 0;
  for (std::size_t i = 0; i < snapshot.waves.size(); ++i) {
    const auto& wave = snapshot.waves[i];
    if (static_cast<int>(i) <= snapshot.wave) due += due_in(snapshot, wave, now);
    running += wave.running_reachable;
    fetching += wave.fetching_reachable;
  }
  std::vector<Brake> list{
      {due, "they are spread over " + std::to_string(policy.pace.jitter_s) + " s"},
      {policy.max_in_progress - running, of(running, policy.max_in_progress) + " that may be at work are"}};
  if (policy.max_downloads) {
    list.push_back({*policy.max_downloads - fetching, of(fetching, *policy.max_downloads) + " that may download do"});
  }
  if (const auto pace = pace_now(snapshot, now)) {
    list.push_back({devices_allowed(*pace), "the pace is " + number(pace->per_minute) + " a minute, and the next at " +
                                                to_rfc3339(next_allowed(*pace))});
  }
  return list;
}

Brake tightest_brake(const Snapshot& snapshot, Instant now) {
  const auto list = brakes(snapshot, now);
  return *std::min_element(list.begin(), list.end(),
                           [](const Brake& a, const Brake& b) { return a.devices < b.devices; });
}

std::optional<Notify> notify_more(const Snapshot& snapshot, Instant now) {
  const auto devices = tightest_brake(snapshot, now).devices;
  if (devices <= 0) return std::nullopt;
  return Notify{snapshot.wave, devices, open_zones(snapshot.policy, snapshot.zones), pace_now(snapshot, now)};
}

// Queued and reachable devices that wait for their maintenance window, or have a time zone that is none.
std::string why_outside(const Snapshot& snapshot) {
  if (!snapshot.policy.maintenance) return "";
  std::int64_t waiting = 0;
  std::string unknown;
  for (const auto& zone : snapshot.zones) {
    if (zone.queued == 0) continue;
    if (!zone.wall) {
      unknown += (unknown.empty() ? "'" : ", '") + zone.zone + "'";
    } else if (!is_inside(*snapshot.policy.maintenance, *zone.wall)) {
      waiting += zone.queued;
    }
  }
  std::string why;
  if (waiting > 0) why = "; " + std::to_string(waiting) + " wait for their maintenance window";
  if (!unknown.empty()) {
    why += "; devices are not told because their label " + std::string(time_zone_label) +
           " is no time zone: " + unknown + "; write one such as Europe/Berlin";
  }
  return why;
}

// Why queued and reachable devices of the opened waves are not told now; empty when they are, or there are none.
std::string why_untold(const Snapshot& snapshot, Instant now) {
  std::int64_t queued = 0;
  for (int wave = 0; wave <= snapshot.wave; ++wave)
    queued += snapshot.waves[static_cast<std::size_t>(wave)].queued_reachable;
  const auto brake = tightest_brake(snapshot, now);
  if (queued == 0 || brake.devices > 0) return why_outside(snapshot);
  return "; " + std::to_string(queued) + " of them are to be told: " + brake.reason + why_outside(snapshot);
}

// Clocks that started by then have run out, in a zone whose clocks on the wall show `wall`.
Instant time_out_limit(const Policy& policy, const std::optional<WallTime>& wall, Instant now) {
  const Duration longest = seconds(policy.in_progress_timeout_s);
  if (!policy.maintenance || !wall) return now - longest;
  return now - (*wall - open_since(*policy.maintenance, *wall, longest));
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
  const auto is_over = [](const std::optional<Instant>& clock, Instant limit) { return clock && *clock <= limit; };
  const Instant limit = time_out_limit(snapshot.policy, std::nullopt, now);
  if (is_over(snapshot.oldest_clock, limit)) return TimeOut{limit};
  for (const auto& zone : snapshot.zones) {
    const Instant zone_limit = time_out_limit(snapshot.policy, zone.wall, now);
    if (is_over(zone.oldest_clock, zone_limit)) return TimeOut{zone_limit, zone.zone};
  }
  return std::nullopt;
}

// With dynamic targets, every ten seconds; in vain mostly.
std::optional<Join> join_more(const Snapshot& snapshot, Instant now) {
  if (!is_open(snapshot.state) || snapshot.policy.targets != Targets::dynamic) return std::nullopt;
  if (!snapshot.fault.empty() || !snapshot.withdrawn.empty()) return std::nullopt;
  if (snapshot.looked_for_more_at && now - *snapshot.looked_for_more_at < looks_for_more_every) return std::nullopt;
  return Join{static_cast<int>(snapshot.waves.size()) - 1};
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
  if (auto more = notify_more(snapshot, now)) actions.push_back(*more);
  if (auto next = pass_gate(snapshot, now)) actions.push_back(std::move(*next));
}

// Why it stands no longer.
std::optional<StandDown> stand_down(const Snapshot& snapshot) {
  if (!snapshot.stands) return std::nullopt;
  if (!snapshot.fault.empty()) {
    return StandDown{{"fault", "unassign", "it cannot go on standing: " + snapshot.fault, {{"fault", snapshot.fault}}}};
  }
  if (!snapshot.withdrawn.empty())
    return StandDown{{"withdrawn", "unassign", snapshot.withdrawn, nlohmann::json::object()}};
  if (auto failing = judge_newcomers(snapshot.policy, snapshot.newcomers)) return StandDown{std::move(*failing)};
  return std::nullopt;
}

// Stragglers and newcomers: its guards and its abort criteria are over, and what devices find out by themselves
// decides.
void follow_up(const Snapshot& snapshot, Instant now, std::vector<Action>& actions) {
  if (auto down = stand_down(snapshot)) {
    actions.push_back(std::move(*down));
    return;
  }
  if (snapshot.has_untold_newcomers) {
    actions.push_back(Dismiss{});  // alone: they are queued like stragglers until then
    return;
  }
  if (!snapshot.fault.empty() || !snapshot.withdrawn.empty()) return;
  if (auto again = snapshot.stands ? try_again(snapshot) : std::nullopt) {
    actions.push_back(std::move(*again));
    return;
  }
  if (auto more = notify_more(snapshot, now)) actions.push_back(*more);
}

Action start_scheduled(const Snapshot& snapshot, Instant now) {
  if (!snapshot.fault.empty()) {
    return ChangeState{RolloutState::draft,
                       {"fault", "cancel", "it cannot start: " + snapshot.fault, {{"fault", snapshot.fault}}}};
  }
  if (!snapshot.withdrawn.empty()) {
    return ChangeState{RolloutState::draft,
                       {"withdrawn", "cancel", "it cannot start: " + snapshot.withdrawn, nlohmann::json::object()}};
  }
  return Start{"started as scheduled for " + to_rfc3339(*snapshot.start_at) +
               lateness(*snapshot.start_at, snapshot.policy.start_grace_s, now)};
}

ChangeState rolled_back(const Snapshot& snapshot) {
  const auto total = total_counts(snapshot);
  std::string message = std::to_string(count_of(total, "rolled_back")) + " devices are back on their previous release";
  const auto away = count_of(total, "rolling_back");
  if (away > 0) message += "; " + std::to_string(away) + " unreachable ones go back when they are seen";
  return {RolloutState::rolled_back, {"rollback", "rolled back", std::move(message), {{"counts", total}}}};
}

}  // namespace

std::int64_t failures_of(const AbortCriterion& criterion, const Counts& counts) {
  std::int64_t total = 0;
  for (const auto& cause : criterion.causes) {
    if (cause == "*") return failed(counts);
    total += count_of(counts, cause);
  }
  return total;
}

Counts total_counts(const Snapshot& snapshot) {
  Counts total;
  for (const auto& wave : snapshot.waves) total = sum(total, wave.counts);
  return total;
}

std::optional<std::vector<std::string>> open_zones(const Policy& policy, const std::vector<ZoneView>& zones) {
  if (!policy.maintenance) return std::nullopt;
  std::vector<std::string> open;
  for (const auto& zone : zones)
    if (zone.wall && is_inside(*policy.maintenance, *zone.wall)) open.push_back(zone.zone);
  return open;
}

std::optional<PaceNow> pace_now(const Snapshot& snapshot, Instant now) {
  const auto rate = rate_per_minute(snapshot.policy.pace, succeeded(total_counts(snapshot)));
  if (!rate) return std::nullopt;
  return PaceNow{*rate, snapshot.pace_spent_until, now};
}

std::vector<std::string> waiting_required_guards(const Snapshot& snapshot) {
  std::vector<std::string> names;
  for (const auto& verdict : snapshot.guards) {
    if (verdict.mode == GuardMode::required && verdict.verdict != Verdict::fail && still_waits(verdict))
      names.emplace_back(to_string(verdict.metric));
  }
  return names;
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
  if (!snapshot.planning.empty()) return snapshot.planning;
  if (snapshot.state != RolloutState::running || snapshot.waves.empty()) return "";
  return check_gate(snapshot, now).reason + why_untold(snapshot, now);
}

std::vector<Action> next_actions(const Snapshot& snapshot, Instant now) {
  std::vector<Action> actions;
  if (snapshot.state == RolloutState::scheduled && snapshot.start_at && *snapshot.start_at <= now) {
    actions.push_back(start_scheduled(snapshot, now));
    return actions;
  }
  if (snapshot.waves.empty() || is_before_start(snapshot.state) || snapshot.stopping) return actions;
  if (!snapshot.planning.empty()) return actions;
  if (auto overdue = time_out(snapshot, now)) {
    actions.push_back(*overdue);  // alone: a gate must not be judged by counts that are about to change
    return actions;
  }
  if (const auto newcomers = join_more(snapshot, now)) {
    actions.push_back(*newcomers);  // alone: the gate of the last wave is not judged without those that belong to it
    return actions;
  }
  switch (snapshot.state) {
    case RolloutState::running:
      run(snapshot, now, actions);
      break;
    case RolloutState::completed:
      follow_up(snapshot, now, actions);
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

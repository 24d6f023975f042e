#include "tests/sim/sim_server.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "server/rollouts/core/newcomers.hpp"
#include "server/rollouts/core/wave_plan.hpp"

namespace argosy::sim {
namespace {

using namespace std::chrono_literals;
using server::DeviceStep;
using server::RolloutState;

constexpr auto offline_after = 130s;
constexpr std::uint64_t model_bytes = 1'000'000;
constexpr std::uint64_t patch_bytes = 50'000;

constexpr std::uint64_t labels_a_window = 100;
constexpr int windows_before = 60;
constexpr auto window_length = 20s;         // and so often telemetry is fed
constexpr std::size_t devices_a_slice = 3;  // hear of a stop at once

bool is_settled(const Row& row) {
  return server::is_terminal(row.is.step);
}

bool is_in(const std::optional<std::vector<std::string>>& zones, const std::string& zone) {
  return !zones || std::find(zones->begin(), zones->end(), zone) != zones->end();
}

std::string key_of(const Row& row) {
  return server::count_key(row.is.step, row.is.cause);
}

void begin_attempt(Row& row) {
  ++row.attempt;
  row.notified_at.reset();
  row.started_at.reset();
  row.clock_from.reset();
}

}  // namespace

std::string digest_of(const std::string& version) {
  return "digest of " + version;
}

void Server::enrol(const std::string& device, const std::string& hardware_class, const std::string& zone) {
  devices_[device].hardware_class = hardware_class;
  devices_[device].zone = zone;
  devices_[device].enrolled_at = scheduler_.now();
  changed_.insert(device);
}

std::int64_t Server::create(const std::string& version, server::Policy policy, std::uint64_t seed, bool standing) {
  SimRollout rollout;
  rollout.standing = standing;
  rollout.id = static_cast<std::int64_t>(rollouts_.size()) + 1;
  rollout.version = version;
  std::vector<server::Candidate> candidates;
  for (const auto& [device, known] : devices_) candidates.push_back({device, known.hardware_class});
  const auto shares = server::cumulative_shares(policy.waves, static_cast<std::int64_t>(candidates.size()));
  rollout.waves.resize(shares.size());
  for (const auto& place : server::plan_waves(seed, candidates, shares)) {
    auto& wave = rollout.waves[static_cast<std::size_t>(place.wave)];
    ++wave.planned;
    ++wave.counts["queued"];
    Row& row = rollout.rows[place.device];
    row.device = place.device;
    row.wave = place.wave;
  }
  rollout.policy = std::move(policy);
  const auto id = rollout.id;
  rollouts_[id] = std::move(rollout);
  return id;
}

bool Server::reachable(const std::string& device) const {
  const auto& known = devices_.at(device);
  return known.last_seen && scheduler_.now() - *known.last_seen < offline_after;
}

// When the time-out's clock of a device started; none while it does not run.
std::optional<Instant> Server::clock_of(const std::string& device, const Row& row) const {
  if (server::has_begun(row.is.step) && row.is.held) {
    if (reachable(device)) return std::nullopt;
    return std::max(*row.started_at, *devices_.at(device).last_seen + offline_after);
  }
  if (server::has_begun(row.is.step)) return row.clock_from ? row.clock_from : row.started_at;
  if (row.is.step != DeviceStep::notified || !reachable(device)) return std::nullopt;
  return std::max(*row.notified_at, devices_.at(device).online_since);
}

// With the clocks on their walls, and nothing of the devices in them yet.
std::vector<server::ZoneView> Server::zones_of(const SimRollout& rollout) const {
  std::vector<server::ZoneView> zones;
  if (!rollout.policy.maintenance) return zones;
  std::set<std::string> names;
  for (const auto& [device, known] : devices_) names.insert(known.zone);
  for (const auto& name : names) {
    const server::WallTime wall{scheduler_.now().time_since_epoch() + std::chrono::hours(std::stoi(name))};
    zones.push_back({.zone = name, .wall = wall});
  }
  return zones;
}

server::Snapshot Server::snapshot(const SimRollout& rollout) const {
  server::Snapshot snapshot;
  snapshot.state = rollout.state;
  snapshot.policy = rollout.policy;
  snapshot.wave = rollout.wave;
  snapshot.waves = rollout.waves;
  snapshot.acknowledged = rollout.acknowledged;
  snapshot.pace_spent_until = rollout.pace_spent_until;
  snapshot.start_at = rollout.start_at;
  snapshot.looked_for_more_at = rollout.looked_for_more_at;
  snapshot.promote_all = rollout.promote_all;
  snapshot.stopping = rollout.told_up_to.has_value();
  snapshot.guards = server::current_verdicts(rollout.policy, rollout.verdicts, rollout.wave, "");
  snapshot.standing = rollout.standing;
  snapshot.stands = rollout.stands_since.has_value();
  snapshot.newcomers = latest_newcomers(rollout);
  snapshot.has_untold_newcomers = !snapshot.stands && rollout.state == RolloutState::completed &&
                                  std::any_of(rollout.rows.begin(), rollout.rows.end(), [](const auto& row) {
                                    return row.second.is_newcomer && row.second.is.step == DeviceStep::queued;
                                  });
  snapshot.zones = zones_of(rollout);
  const auto open = server::open_zones(rollout.policy, snapshot.zones);
  for (const auto& [device, row] : rollout.rows) {
    const auto& name = devices_.at(device).zone;
    const auto zone =
        std::find_if(snapshot.zones.begin(), snapshot.zones.end(), [&](const auto& one) { return one.zone == name; });
    auto& wave = snapshot.waves[static_cast<std::size_t>(row.wave)];
    const bool here = reachable(device);
    const auto step = row.is.step;
    if (step == DeviceStep::queued && here && row.wave <= rollout.wave) {
      if (is_in(open, name)) ++wave.queued_reachable;
      if (open) ++zone->queued;
    }
    if (step == DeviceStep::rolling_back && here) ++snapshot.rolling_back_reachable;
    if (!server::is_in_progress(step)) continue;
    if (here) ++wave.running_reachable;
    if (here && server::is_fetching(step)) ++wave.fetching_reachable;
    if (!here && step >= DeviceStep::activating) ++wave.suspects;
    const auto clock = clock_of(device, row);
    auto& oldest = open ? zone->oldest_clock : snapshot.oldest_clock;
    if (clock && (!oldest || *clock < *oldest)) oldest = clock;
  }
  return snapshot;
}

std::string Server::gate_of(const SimRollout& rollout) const {
  return server::gate_status(snapshot(rollout), scheduler_.now());
}

server::Situation Server::situation(const SimRollout& rollout) const {
  const auto view = snapshot(rollout);
  server::Situation now{rollout.state, rollout.wave, server::last_wave(view),
                        static_cast<std::int64_t>(rollout.rows.size()), server::total_counts(view)};
  now.standing = rollout.standing;
  return now;
}

std::int64_t Server::release_of(const std::string& version) {
  const auto found = std::find(releases_.begin(), releases_.end(), version);
  if (found == releases_.end()) releases_.push_back(version);
  return std::find(releases_.begin(), releases_.end(), version) - releases_.begin();
}

void Server::save(SimRollout& rollout, const server::Effects& effects) {
  for (const auto& target : effects.targets) save(target);
  for (const auto& move : effects.moves) save(rollout, move);
}

void Server::save(SimRollout& rollout, const server::DeviceMove& move) {
  auto& row = rollout.rows.at(move.device);
  if (move.wave != row.wave || move.from_key != key_of(row))
    ports_.violation(move.device + " moves from where it is not");
  auto& counts = rollout.waves[static_cast<std::size_t>(row.wave)].counts;
  if (--counts[move.from_key] == 0) counts.erase(move.from_key);
  row.is = move.to;
  ++counts[key_of(row)];
  if (move.notified_at) row.notified_at = move.notified_at;
  if (!row.started_at) row.started_at = move.started_at;
  if (move.clock_from) row.clock_from = move.clock_from;
  if (move.finished_at.has_value() != is_settled(row)) ports_.violation(move.device + " has an outcome without an end");
  if (move.previous_release) row.previous_release = move.previous_release;
  row.finished_at = move.finished_at;
}

void Server::save(const server::TargetChange& change) {
  auto& known = devices_.at(change.device);
  known.target.reset();
  if (change.release) known.target = Target{version_of(*change.release), change.rollout.value_or(0), change.attempt};
  ++known.rev;
  ports_.publish(change.device);
}

// Reports
// --------------------------------------------------------------------------------------------------------------

void Server::take(const wire::DeviceState& state) {
  auto& known = devices_.at(state.device);
  if (state.nonce < known.nonce) return;
  known.nonce = state.nonce;
  if (!reachable(state.device)) known.online_since = scheduler_.now();
  known.last_seen = scheduler_.now();
  const auto& model = state.models.front();
  known.version = model.version;
  known.updating = model.update && (model.update->state == "activating" || model.update->state == "probation" ||
                                    model.update->state == "rolling_back");
  for (auto& [id, rollout] : rollouts_) {
    const auto found = rollout.rows.find(state.device);
    if (found == rollout.rows.end()) continue;
    auto& row = found->second;
    const bool still_told = known.target && known.target->rollout == id && known.target->version == rollout.version;
    if (row.is.step == DeviceStep::failed && !still_told) continue;
    const server::Tracked tracked{
        .rollout = id,
        .attempt = row.attempt,
        .version = rollout.version,
        .digests = {digest_of(rollout.version)},
        .previous_version = row.previous_release ? std::optional(version_of(*row.previous_release)) : std::nullopt,
        .step = row.is.step,
        .cause = row.is.cause,
        .message = row.is.message,
        .source = row.is.source,
        .bytes = row.is.bytes,
        .full_bytes = row.is.full_bytes,
        .held = row.is.held};
    if (const auto counts = server::shadow_of_report(tracked, model)) keep_shadow(rollout, state.device, *counts);
    auto next = server::map_report(tracked, model);
    if (!next) continue;
    save(rollout, server::effect_of_report(row, std::move(*next), scheduler_.now()));
    check(rollout);
  }
}

void Server::keep_shadow(SimRollout& rollout, const std::string& device, const wire::ShadowCounts& counts) {
  for (auto& member : rollout.panel.members) {
    if (member.device != device || (member.shadow && member.shadow->samples >= counts.samples)) continue;
    member.shadow = counts;
    ++shadow_reports_;
  }
}

// The tick
// -------------------------------------------------------------------------------------------------------------

void Server::tick() {
  take_newcomers();
  for (auto& each : rollouts_) {
    SimRollout& rollout = each.second;
    if (rollout.told_up_to) {
      tell_of_stop(rollout, *rollout.told_up_to);
      continue;
    }
    const auto actions = server::next_actions(snapshot(rollout), scheduler_.now());
    for (const auto& action : actions) {
      std::visit([&](const auto& one) { apply(rollout, one); }, action);
    }
    check(rollout);
  }
}

void Server::change_leader() {
  tick();
  measure();
  tick();
}

void Server::measure() {
  for (auto& [id, rollout] : rollouts_) {
    if (!server::is_open(rollout.state)) continue;
    feed(rollout);
    if (rollout.state == RolloutState::running) look(rollout);
  }
}

server::TakenWindow Server::window_of(const std::string& version) {
  server::TakenWindow window{.started_at = scheduler_.now() - window_length,
                             .ended_at = scheduler_.now(),
                             .count = labels_a_window,
                             .labelled = labels_a_window};
  for (std::uint64_t label = 0; label < labels_a_window; ++label)
    window.correct += labels_.chance(ports_.accuracy(version)) ? 1 : 0;
  return window;
}

void Server::feed(SimRollout& rollout) {
  const server::PanelWave open{.wave = rollout.wave,
                               .opened_at = *rollout.waves[static_cast<std::size_t>(rollout.wave)].opened_at,
                               .version = rollout.version};
  for (auto& member : rollout.panel.members) {
    const auto& known = devices_.at(member.device);
    const auto& row = rollout.rows.at(member.device);
    const bool was_told = row.is.step != DeviceStep::queued;
    member.has_it = server::has_served(row.is.step) || server::is_probation_cause(row.is.cause);
    member.has_left = row.is.cause == server::cause_already_installed || server::is_neutral_cause(row.is.cause);
    if (!reachable(member.device) || known.version.empty()) continue;
    if (known.version == rollout.version && !was_told) continue;
    server::take(member, open, known.version, window_of(known.version));
  }
}

void Server::look(SimRollout& rollout) {
  const auto& gate = rollout.policy.gate;
  const auto& baked_from = rollout.waves[static_cast<std::size_t>(rollout.wave)].bake_started_at;
  const Duration dwell = std::chrono::seconds(gate.bake_s + gate.max_dwell_s);
  const server::LookTiming timing{.length = std::chrono::seconds(rollout.policy.look_s),
                                  .longest = dwell,
                                  .dwell_began_at = baked_from,
                                  .dwell_is_over = baked_from && scheduler_.now() - *baked_from >= dwell,
                                  .has_no_past = !rollout.policy.shadow && server::has_no_past(rollout.panel)};
  const auto watched = server::watched_for(server::exposure_of(rollout.panel, rollout.wave), baked_from,
                                           std::chrono::seconds(rollout.policy.silent_after_s), scheduler_.now());
  const auto due = server::due_look(rollout.looks, rollout.wave, watched, timing);
  if (!due) return;
  const server::LookContext context{.look = *due,
                                    .now = scheduler_.now(),
                                    .is_last_wave = !server::next_wave(snapshot(rollout), rollout.wave),
                                    .before = rollout.verdicts};
  rollout.verdicts = server::judge_guards(rollout.policy, rollout.panel, context);
  rollout.looks = server::taken_with(*due, scheduler_.now());
}

void Server::apply(SimRollout& rollout, const server::Start&) {
  if (scheduler_.now() < *rollout.start_at) ports_.violation("a rollout started before its time");
  launch(rollout);
}

void Server::apply(SimRollout& rollout, const server::Join& action) {
  rollout.looked_for_more_at = scheduler_.now();
  auto& wave = rollout.waves[static_cast<std::size_t>(action.wave)];
  for (const auto& [device, known] : devices_) {
    if (rollout.rows.count(device) != 0) continue;
    Row& row = rollout.rows[device];
    row.device = device;
    row.wave = action.wave;
    ++wave.planned;
    ++wave.counts["queued"];
  }
}

void Server::launch(SimRollout& rollout) {
  rollout.waves.front().opened_at = scheduler_.now();
  draw_panel(rollout);
  enter(rollout, RolloutState::running);
}

void Server::apply(SimRollout& rollout, const server::Notify& action) {
  if (rollout.state == RolloutState::halted) ports_.violation("a halted rollout tells devices");
  if (server::is_before_start(rollout.state)) ports_.violation("a rollout tells devices before its start");
  std::vector<server::HeardOut> queued;
  for (int wave = 0; wave <= action.wave; ++wave) {
    for (const auto& [device, row] : rollout.rows) {
      if (row.wave != wave || row.is.step != DeviceStep::queued || !reachable(device)) continue;
      if (!is_in(action.zones, devices_.at(device).zone)) continue;
      if (static_cast<std::int64_t>(queued.size()) < action.devices) queued.push_back(hear_out(rollout, row));
    }
  }
  const server::RolloutWish wish{rollout.id, release_of(rollout.version), rollout.version};
  const auto effects = server::effects_of_telling(queued, wish, scheduler_.now());
  supersede(rollout, effects.targets);
  save(rollout, effects);
  const auto open = server::open_zones(rollout.policy, zones_of(rollout));
  for (const auto& target : effects.targets) {
    rollout.told.insert(target.device);
    if (rollout.state == RolloutState::completed && !rollout.stands_since && rollout.rows.at(target.device).is_newcomer)
      ports_.violation(target.device + " came late, and was told by a rollout that stands no more");
    if (!is_in(open, devices_.at(target.device).zone))
      ports_.violation(target.device + " was told outside its maintenance window");
    if (rollout.rows.at(target.device).wave > rollout.wave)
      ports_.violation(target.device + " was told before its wave was open");
  }
  const auto told = server::told_to_fetch(effects);
  if (action.pace) rollout.pace_spent_until = server::spent_after(*action.pace, told);
  rollout.told_at.insert(rollout.told_at.end(), static_cast<std::size_t>(told), scheduler_.now());
  if (in_progress_reachable(rollout) > rollout.policy.max_in_progress) {
    ports_.violation("more devices in progress than the policy allows");
  }
  check_pace(rollout);
  check_downloads(rollout);
}

bool Server::is_wish(const Target& target) const {
  const auto rollout = rollouts_.find(target.rollout);
  if (rollout == rollouts_.end()) return true;
  return server::is_wish(rollout->second.state, rollout->second.version == target.version);
}

server::HeardOut Server::hear_out(const SimRollout& rollout, const Row& row) {
  const auto& known = devices_.at(row.device);
  server::HeardOut heard{.row = row};
  if (!known.version.empty() && known.version != rollout.version) heard.serving_release = release_of(known.version);
  heard.newer_wish = known.target && known.target->rollout > rollout.id && is_wish(*known.target);
  heard.already_installed = known.version == rollout.version && !known.updating;
  heard.full_bytes = model_bytes;
  return heard;
}

void Server::supersede(const SimRollout& by, const std::vector<server::TargetChange>& told) {
  for (auto& [id, other] : rollouts_) {
    if (id >= by.id || server::is_before_start(other.state)) continue;
    std::vector<server::RolloutDevice> lost;
    for (const auto& target : told) {
      const auto found = other.rows.find(target.device);
      if (found != other.rows.end() && !is_settled(found->second)) lost.push_back(found->second);
    }
    save(other, server::effects_of_superseding(lost, by.id, scheduler_.now()));
  }
}

void Server::apply(SimRollout& rollout, const server::TimeOut& action) {
  std::vector<server::RolloutDevice> late;
  for (const auto& [device, row] : rollout.rows) {
    const auto clock = clock_of(device, row);
    if (action.zone && *action.zone != devices_.at(device).zone) continue;
    if (clock && *clock <= action.started_by) late.push_back(row);
  }
  save(rollout, server::effects_of_time_out(late, rollout.policy, scheduler_.now()));
}

void Server::apply(SimRollout& rollout, const server::StartBake& action) {
  rollout.waves[static_cast<std::size_t>(action.wave)].bake_started_at = scheduler_.now();
}

void Server::apply(SimRollout& rollout, const server::OpenWave& action) {
  check_gate(rollout, action.wave);
  rollout.wave = action.wave;
  ++rollout.etag;
  rollout.waves[static_cast<std::size_t>(action.wave)].opened_at = scheduler_.now();
}

// No policy here has devices try again by themselves.
void Server::apply(SimRollout& rollout, const server::TryAgain& action) {
  ports_.violation("rollout " + std::to_string(rollout.id) + " retries by itself: " + action.decision.message);
}

void Server::apply(SimRollout& rollout, const server::ChangeState& action) {
  rollout.reason = action.decision.message;
  if (action.to == RolloutState::completed) check_gate(rollout, static_cast<int>(rollout.waves.size()));
  enter(rollout, action.to);
  if (action.to == RolloutState::completed && rollout.standing) begin_to_stand(rollout);
}

void Server::enter(SimRollout& rollout, RolloutState to) {
  if (rollout.state == RolloutState::halted && to != RolloutState::rolling_back) {
    ports_.violation("a halted rollout did not stay halted");
  }
  rollout.state = to;
  rollout.promote_all = rollout.promote_all && to == RolloutState::running;
  ++rollout.etag;
  const bool stops = to == RolloutState::halted || to == RolloutState::rolling_back;
  if (stops) stand_down(rollout);
  if (stops) tell_of_stop(rollout, "");
  if (stops || to == RolloutState::rolled_back || to == RolloutState::paused) look_at_all_again();
}

// What stands
// ------------------------------------------------------------------------------------------------------------

void Server::look_at_all_again() {
  for (const auto& [device, known] : devices_) changed_.insert(device);
}

// Every rollout here is for all devices: the newest alone stands.
void Server::begin_to_stand(SimRollout& rollout) {
  for (auto& [id, other] : rollouts_) {
    if (!other.stands_since) continue;
    if (id > rollout.id) return stand_down(rollout);
    stand_down(other);
  }
  rollout.stands_since = scheduler_.now();
  look_at_all_again();
}

void Server::stand_down(SimRollout& rollout) {
  rollout.standing = false;
  rollout.stands_since.reset();
}

void Server::apply(SimRollout& rollout, const server::StandDown& action) {
  rollout.reason = action.decision.message;
  stand_down(rollout);
  ++rollout.etag;
}

void Server::apply(SimRollout& rollout, const server::Dismiss&) {
  std::vector<server::RolloutDevice> untold;
  for (const auto& [device, row] : rollout.rows)
    if (row.is_newcomer && row.is.step == DeviceStep::queued) untold.push_back(row);
  save(rollout, server::effects_of_dismissal(untold, scheduler_.now()));
}

void Server::take_newcomers() {
  for (const auto& device : std::exchange(changed_, {})) take_newcomer(device);
}

void Server::take_newcomer(const std::string& device) {
  const auto& known = devices_.at(device);
  std::vector<server::RolloutClaim> claims;
  for (const auto& [id, rollout] : rollouts_) {
    server::RolloutClaim claim{
        .rollout = id, .started_at = instant_from_ms(id), .stands = rollout.stands_since.has_value()};
    claim.has_told = known.target && known.target->rollout == id && is_wish(*known.target);
    const auto row = rollout.rows.find(device);
    const bool is_queued = row != rollout.rows.end() && row->second.is.step == DeviceStep::queued;
    const bool goes_back = row != rollout.rows.end() && row->second.is.step == DeviceStep::rolling_back;
    claim.is_next =
        goes_back || (is_queued && (rollout.state == RolloutState::completed ||
                                    (rollout.state == RolloutState::running && row->second.wave <= rollout.wave)));
    claims.push_back(claim);
  }
  const auto chosen = server::standing_for(claims);
  if (!chosen) return;
  auto& rollout = rollouts_.at(*chosen);
  std::optional<server::Seat> seat;
  if (const auto row = rollout.rows.find(device); row != rollout.rows.end())
    seat = server::Seat{row->second.is.step, row->second.is.cause, row->second.finished_at};
  const auto entry = server::entry_of(seat, known.enrolled_at, std::nullopt);
  if (entry == server::Entry::stays) return;
  if (known.target && known.target->rollout > *chosen && is_wish(*known.target))
    ports_.violation(device + " joins rollout " + std::to_string(*chosen) + " though a newer one has told it");
  queue_newcomer(rollout, device);
}

// As a new row, or in a new attempt.
void Server::queue_newcomer(SimRollout& rollout, const std::string& device) {
  ++newcomers_;
  const auto found = rollout.rows.find(device);
  if (found == rollout.rows.end()) {
    Row& row = rollout.rows[device];
    row.device = device;
    row.wave = rollout.wave;
    row.is_newcomer = true;
    auto& wave = rollout.waves[static_cast<std::size_t>(rollout.wave)];
    ++wave.planned;
    ++wave.counts["queued"];
    return;
  }
  save(rollout, server::effects_of_return({found->second}));
  begin_attempt(found->second);
  found->second.is_newcomer = true;
}

server::Counts Server::latest_newcomers(const SimRollout& rollout) const {
  std::multimap<Instant, std::string> outcomes;
  for (const auto& [device, row] : rollout.rows) {
    if (!row.is_newcomer || !row.finished_at || !rollout.stands_since || *row.finished_at <= *rollout.stands_since)
      continue;
    if (!server::is_neutral_cause(row.is.cause)) outcomes.emplace(*row.finished_at, key_of(row));
  }
  server::Counts latest;
  std::int64_t left = server::newcomers_judged;
  for (auto at = outcomes.rbegin(); at != outcomes.rend() && left > 0; ++at, --left) ++latest[at->second];
  return latest;
}

void Server::tell_of_stop(SimRollout& rollout, const std::string& after) {
  std::vector<server::RolloutDevice> targeted;
  for (auto at = rollout.rows.upper_bound(after); at != rollout.rows.end(); ++at) {
    const auto& target = devices_.at(at->first).target;
    const bool is_its_wish = target && target->rollout == rollout.id && target->version == rollout.version;
    if (!is_its_wish || at->second.is.step == DeviceStep::queued) continue;
    targeted.push_back(at->second);
    if (targeted.size() == devices_a_slice) break;
  }
  save(rollout, server::effects_of_stop(targeted, rollout.state, rollout.id, scheduler_.now()));
  rollout.told_up_to.reset();
  if (targeted.size() == devices_a_slice) rollout.told_up_to = targeted.back().device;
}

// Operators
// ------------------------------------------------------------------------------------------------------------

bool Server::start(std::int64_t id, std::optional<Instant> at) {
  rollouts_.at(id).start_at = at;
  return operate(id, server::Operation::start);
}

bool Server::promote_all(std::int64_t id) {
  if (!operate(id, server::Operation::promote)) return false;
  auto& rollout = rollouts_.at(id);
  rollout.promote_all = server::next_wave(snapshot(rollout), rollout.wave).has_value();
  return true;
}

bool Server::operate(std::int64_t id, server::Operation operation) {
  using server::Operation;
  auto& rollout = rollouts_.at(id);
  if (server::refusal(operation, situation(rollout))) return false;
  auto& open = rollout.waves[static_cast<std::size_t>(rollout.wave)];
  switch (operation) {
    case Operation::start:
      enter(rollout, server::state_after_start(rollout.policy.approval.required, rollout.start_at, scheduler_.now()));
      if (rollout.state == RolloutState::running) launch(rollout);
      break;
    case Operation::approve:
      enter(rollout, server::state_after_approval(rollout.start_at, scheduler_.now()));
      if (rollout.state == RolloutState::running) launch(rollout);
      break;
    case Operation::refuse:
    case Operation::cancel:
      rollout.start_at.reset();
      enter(rollout, RolloutState::draft);
      break;
    case Operation::pause:
      enter(rollout, RolloutState::paused);
      break;
    case Operation::resume:
      open.bake_started_at.reset();
      rollout.acknowledged = server::acknowledge(snapshot(rollout));
      enter(rollout, RolloutState::running);
      break;
    case Operation::promote:
      rollout.acknowledged = server::acknowledge(snapshot(rollout));
      rollout.wave = *server::next_wave(snapshot(rollout), rollout.wave);
      rollout.waves[static_cast<std::size_t>(rollout.wave)].opened_at = scheduler_.now();
      rollout.promote_all = false;
      enter(rollout, RolloutState::running);
      break;
    case Operation::halt:
      enter(rollout, RolloutState::halted);
      break;
    case Operation::rollback:
      enter(rollout, RolloutState::rolling_back);
      break;
    case Operation::retry:
      retry(rollout);
      break;
    case Operation::assign:
      rollout.standing = true;
      ++rollout.etag;
      if (rollout.state == RolloutState::completed) begin_to_stand(rollout);
      break;
    case Operation::unassign:
      stand_down(rollout);
      ++rollout.etag;
      break;
  }
  check(rollout);
  return true;
}

// With what each measured in the hour before.
void Server::draw_panel(SimRollout& rollout) {
  for (const auto& [device, row] : rollout.rows) {
    const auto& known = devices_.at(device);
    auto& classes = rollout.panel.classes;
    auto place = std::find(classes.begin(), classes.end(), known.hardware_class);
    if (place == classes.end()) place = classes.insert(classes.end(), known.hardware_class);
    server::PanelMember member{
        .device = device, .stratum = static_cast<std::uint32_t>(place - classes.begin()), .wave = row.wave};
    if (known.version != rollout.version) member.old_version = known.version;
    for (int i = 0; i < windows_before && !member.old_version.empty(); ++i)
      server::add(member.before, window_of(known.version));
    rollout.panel.members.push_back(std::move(member));
  }
}

void Server::retry(SimRollout& rollout) {
  std::vector<server::RolloutDevice> failed;
  for (const auto& [device, row] : rollout.rows)
    if (row.is.step == DeviceStep::failed) failed.push_back(row);
  const auto effects = server::effects_of_retry(failed);
  save(rollout, effects);
  for (const auto& move : effects.moves) {
    auto& row = rollout.rows.at(move.device);
    begin_attempt(row);
    row.is_newcomer = row.is_newcomer && rollout.stands_since;
  }
  rollout.waves[static_cast<std::size_t>(rollout.wave)].bake_started_at.reset();
  rollout.acknowledged = server::acknowledge(snapshot(rollout));
  ++rollout.etag;
}

// Documents
// ------------------------------------------------------------------------------------------------------------

wire::Desired Server::desired(const std::string& device) const {
  const auto& known = devices_.at(device);
  wire::Desired document;
  document.device = device;
  document.rev = known.rev;
  if (!known.target) return document;
  wire::DesiredModel model;
  model.model = "digits";
  model.version = known.target->version;
  model.rollout = known.target->rollout;
  model.attempt = known.target->attempt;
  model.format = "onnx";
  model.artifact = {digest_of(model.version), model_bytes};
  const std::string codec = model.rollout % 2 == 0 ? "tensor" : "bsdiff";  // applied while it comes, and afterwards
  model.patches = {{digest_of(known.version), codec, {"patch to " + model.version, patch_bytes}, {}}};
  const auto rollout = rollouts_.find(model.rollout);
  if (rollout != rollouts_.end()) {
    if (model.version == rollout->second.version) model.shadow = rollout->second.policy.shadow;
    model.probation = rollout->second.policy.probation;
  }
  document.models = {model};
  return document;
}

// Safety
// ---------------------------------------------------------------------------------------------------------------

std::int64_t Server::in_progress_reachable(const SimRollout& rollout) const {
  return std::count_if(rollout.rows.begin(), rollout.rows.end(), [this](const auto& row) {
    return server::is_in_progress(row.second.is.step) && reachable(row.first);
  });
}

// In any minute no more than the pace, and what it saves up.
void Server::check_pace(const SimRollout& rollout) const {
  const auto rate = server::rate_per_minute(rollout.policy.pace, static_cast<std::int64_t>(rollout.rows.size()));
  if (!rate) return;
  const auto recent = std::count_if(rollout.told_at.begin(), rollout.told_at.end(),
                                    [this](Instant at) { return at > scheduler_.now() - 60s; });
  if (static_cast<double>(recent) > *rate * 65 / 60 + 1)
    ports_.violation("more devices were told than the pace allows");
}

void Server::check_downloads(const SimRollout& rollout) const {
  const auto fetching = std::count_if(rollout.rows.begin(), rollout.rows.end(), [this](const auto& row) {
    return server::is_fetching(row.second.is.step) && reachable(row.first);
  });
  if (fetching > rollout.policy.max_downloads.value_or(fetching))
    ports_.violation("more devices download than the policy allows");
}

// Each report counted once, and nobody told beyond the plan.
void Server::check(const SimRollout& rollout) const {
  std::vector<server::Counts> recount(rollout.waves.size());
  for (const auto& [device, row] : rollout.rows) ++recount[static_cast<std::size_t>(row.wave)][key_of(row)];
  std::int64_t planned = 0;
  for (std::size_t i = 0; i < recount.size(); ++i) {
    if (recount[i] != rollout.waves[i].counts) ports_.violation("the counts of a wave are not its devices");
    if (static_cast<int>(i) <= rollout.wave) planned += rollout.waves[i].planned;
  }
  if (static_cast<std::int64_t>(rollout.told.size()) > planned) {
    ports_.violation("more devices were told than the open waves hold");
  }
}

// The gate once more, from the rows alone.
void Server::check_gate(const SimRollout& rollout, int opened) const {
  if (opened <= rollout.wave) return ports_.violation("a wave was opened twice");
  const auto open = server::open_zones(rollout.policy, zones_of(rollout));
  std::int64_t evidence = 0;
  std::int64_t done = 0;
  std::int64_t good = 0;
  for (const auto& [device, row] : rollout.rows) {
    const bool neutral = row.is.step == DeviceStep::failed && server::is_neutral_cause(row.is.cause);
    const bool counts = is_settled(row) && !neutral;
    evidence += row.wave <= rollout.wave && counts ? 1 : 0;
    if (row.wave != rollout.wave) continue;
    const bool may_be_told = is_in(open, devices_.at(device).zone) && reachable(device);
    if (row.is.step == DeviceStep::queued && may_be_told) ports_.violation("a wave passed with a device untold");
    if (server::is_in_progress(row.is.step) && reachable(device)) ports_.violation("a wave passed with work under way");
    if (!counts) continue;
    ++done;
    good += row.is.step == DeviceStep::succeeded ? 1 : 0;
  }
  const auto& gate = rollout.policy.gate;
  if (!rollout.promote_all) check_accuracy(rollout);
  if (evidence == 0) ports_.violation("a wave passed before any device had an outcome");
  if (static_cast<double>(good) < gate.success_share * static_cast<double>(done)) {
    ports_.violation("a wave passed that failed");
  }
  if (rollout.promote_all && opened < static_cast<int>(rollout.waves.size())) return;
  const auto& baked_from = rollout.waves[static_cast<std::size_t>(rollout.wave)].bake_started_at;
  if (!baked_from || scheduler_.now() - *baked_from < std::chrono::seconds(gate.bake_s)) {
    ports_.violation("a wave passed unbaked");
  }
}

// A release that gets more wrong passes only where an operator saw it, or the guard said that it cannot tell.
void Server::check_accuracy(const SimRollout& rollout) const {
  if (rollout.policy.guards.empty() || !rollout.acknowledged.guards.empty()) return;
  if (rollout.verdicts.size() != rollout.policy.guards.size())
    return ports_.violation("a wave passed before its guards were looked at");
  for (std::size_t i = 0; i < rollout.verdicts.size(); ++i) {
    const auto& seen = rollout.verdicts[i];
    if (seen.wave != rollout.wave) return ports_.violation("a wave passed before its guard was looked at");
    const double loss = ports_.accuracy("1.0") - ports_.accuracy(rollout.version);
    const bool is_worse = loss > rollout.policy.guards[i].promotion_margin;
    if (seen.verdict != server::Verdict::skipped && (is_worse || seen.verdict != server::Verdict::pass))
      ports_.violation("a wave passed with the guard " + std::string(to_string(seen.metric)) + " that says " +
                       std::string(server::to_string(seen.verdict)));
  }
}

}  // namespace argosy::sim

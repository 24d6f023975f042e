#include "tests/sim/sim_server.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "server/rollouts/wave_plan.hpp"

namespace argosy::sim {
namespace {

using namespace std::chrono_literals;
using server::DeviceStep;
using server::RolloutState;

constexpr auto offline_after = 130s;
constexpr std::uint64_t model_bytes = 1'000'000;
constexpr std::uint64_t patch_bytes = 50'000;

bool is_before_activating(DeviceStep step) {
  return server::is_in_progress(step) && step < DeviceStep::activating;
}

bool is_settled(const Row& row) {
  return server::is_terminal(row.step);
}

bool may_run_it(const Row& row) {
  if (row.step == DeviceStep::succeeded) return row.is.cause != server::cause_already_installed;
  return server::is_in_progress(row.step) || (row.step == DeviceStep::failed && row.is.cause == server::cause_timeout);
}

std::string key_of(const Row& row) {
  return server::count_key(row.step, row.is.cause);
}

}  // namespace

std::string digest_of(const std::string& version) {
  return "digest of " + version;
}

void Server::enrol(const std::string& device, const std::string& hardware_class) {
  devices_[device].hardware_class = hardware_class;
}

std::int64_t Server::create(const std::string& version, server::Policy policy, std::uint64_t seed) {
  SimRollout rollout;
  rollout.id = static_cast<std::int64_t>(rollouts_.size()) + 1;
  rollout.version = version;
  std::vector<server::Candidate> candidates;
  for (const auto& [device, known] : devices_) candidates.push_back({device, known.hardware_class});
  std::vector<double> shares;
  for (const auto& wave : policy.waves) shares.push_back(wave.share);
  rollout.waves.resize(shares.size());
  for (const auto& place : server::plan_waves(seed, candidates, shares)) {
    auto& wave = rollout.waves[static_cast<std::size_t>(place.wave)];
    ++wave.planned;
    ++wave.counts["queued"];
    rollout.rows[place.device].wave = place.wave;
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
  if (server::has_begun(row.step)) return row.started_at;
  if (row.step != DeviceStep::notified || !reachable(device)) return std::nullopt;
  return std::max(*row.notified_at, devices_.at(device).online_since);
}

server::Snapshot Server::snapshot(const SimRollout& rollout) const {
  server::Snapshot snapshot;
  snapshot.state = rollout.state;
  snapshot.policy = rollout.policy;
  snapshot.wave = rollout.wave;
  snapshot.waves = rollout.waves;
  snapshot.acknowledged = rollout.acknowledged;
  for (const auto& [device, row] : rollout.rows) {
    auto& wave = snapshot.waves[static_cast<std::size_t>(row.wave)];
    const bool here = reachable(device);
    if (row.step == DeviceStep::queued && here && row.wave <= rollout.wave) ++wave.queued_reachable;
    if (row.step == DeviceStep::rolling_back && here) ++snapshot.rolling_back_reachable;
    if (!server::is_in_progress(row.step)) continue;
    if (here) ++wave.running_reachable;
    if (!here && row.step >= DeviceStep::activating) ++wave.suspects;
    const auto clock = clock_of(device, row);
    if (clock && (!snapshot.oldest_clock || *clock < *snapshot.oldest_clock)) snapshot.oldest_clock = clock;
  }
  return snapshot;
}

server::Situation Server::situation(const SimRollout& rollout) const {
  const auto view = snapshot(rollout);
  return {rollout.state, rollout.wave, server::last_wave(view), static_cast<std::int64_t>(rollout.rows.size()),
          server::total_counts(view)};
}

void Server::set_target(const std::string& device, std::optional<Target> target) {
  auto& known = devices_.at(device);
  known.target = std::move(target);
  ++known.rev;
  ports_.publish(device);
}

void Server::move(SimRollout& rollout, const std::string& device, server::Progress to) {
  auto& row = rollout.rows.at(device);
  auto& counts = rollout.waves[static_cast<std::size_t>(row.wave)].counts;
  const auto from = key_of(row);
  if (--counts[from] == 0) counts.erase(from);
  row.step = to.step;
  row.is = std::move(to);
  ++counts[key_of(row)];
}

void Server::fail(SimRollout& rollout, const std::string& device, std::string_view cause) {
  auto to = rollout.rows.at(device).is;
  to.step = DeviceStep::failed;
  to.cause = cause;
  move(rollout, device, std::move(to));
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
    if (row.step == DeviceStep::failed && !still_told) continue;
    const server::Tracked tracked{.rollout = id,
                                  .attempt = row.attempt,
                                  .version = rollout.version,
                                  .digests = {digest_of(rollout.version)},
                                  .previous_version = row.previous,
                                  .step = row.step,
                                  .cause = row.is.cause,
                                  .message = row.is.message,
                                  .source = row.is.source,
                                  .bytes = row.is.bytes,
                                  .full_bytes = row.is.full_bytes};
    auto next = server::map_report(tracked, model);
    if (!next) continue;
    if (!row.started_at) row.started_at = scheduler_.now();
    move(rollout, state.device, std::move(*next));
    check(rollout);
  }
}

// The tick
// -------------------------------------------------------------------------------------------------------------

void Server::tick() {
  for (auto& [id, rollout] : rollouts_) {
    const auto actions = server::next_actions(snapshot(rollout), scheduler_.now());
    for (const auto& action : actions) {
      std::visit([&](const auto& one) { apply(rollout, one); }, action);
    }
    check(rollout);
  }
}

void Server::apply(SimRollout& rollout, const server::Notify& action) {
  if (rollout.state == RolloutState::halted) ports_.violation("a halted rollout tells devices");
  std::int64_t left = action.devices;
  for (int wave = 0; wave <= action.wave; ++wave) {
    for (auto& [device, row] : rollout.rows) {
      if (left == 0) break;
      if (row.wave != wave || row.step != DeviceStep::queued || !reachable(device)) continue;
      tell(rollout, device);
      --left;
    }
  }
  if (in_progress_reachable(rollout) > rollout.policy.max_in_progress) {
    ports_.violation("more devices in progress than the policy allows");
  }
}

void Server::tell(SimRollout& rollout, const std::string& device) {
  auto& row = rollout.rows.at(device);
  const auto& known = devices_.at(device);
  if (known.target && known.target->rollout > rollout.id) return fail(rollout, device, server::cause_superseded);
  if (row.wave > rollout.wave) ports_.violation(device + " was told before its wave was open");
  supersede(rollout, device);
  row.notified_at = scheduler_.now();
  row.started_at.reset();
  const bool has_it = known.version == rollout.version && !known.updating;
  if (!has_it && !known.version.empty() && known.version != rollout.version) row.previous = known.version;
  rollout.told.insert(device);
  set_target(device, Target{rollout.version, rollout.id, row.attempt});
  server::Progress to{.step = has_it ? DeviceStep::succeeded : DeviceStep::notified};
  if (has_it) to.cause = server::cause_already_installed;
  move(rollout, device, std::move(to));
}

void Server::supersede(const SimRollout& by, const std::string& device) {
  for (auto& [id, other] : rollouts_) {
    if (id >= by.id || other.state == RolloutState::draft) continue;
    const auto found = other.rows.find(device);
    if (found != other.rows.end() && !is_settled(found->second)) fail(other, device, server::cause_superseded);
  }
}

void Server::apply(SimRollout& rollout, const server::TimeOut& action) {
  for (auto& [device, row] : rollout.rows) {
    const auto clock = clock_of(device, row);
    if (clock && *clock <= action.started_by) fail(rollout, device, server::cause_timeout);
  }
}

void Server::apply(SimRollout& rollout, const server::StartBake& action) {
  rollout.waves[static_cast<std::size_t>(action.wave)].bake_started_at = scheduler_.now();
}

void Server::apply(SimRollout& rollout, const server::OpenWave& action) {
  check_gate(rollout, action.wave);
  rollout.wave = action.wave;
  rollout.waves[static_cast<std::size_t>(action.wave)].opened_at = scheduler_.now();
}

void Server::apply(SimRollout& rollout, const server::ChangeState& action) {
  rollout.reason = action.decision.message;
  if (action.to == RolloutState::completed) check_gate(rollout, static_cast<int>(rollout.waves.size()));
  enter(rollout, action.to);
}

void Server::enter(SimRollout& rollout, RolloutState to) {
  if (rollout.state == RolloutState::halted && to != RolloutState::rolling_back) {
    ports_.violation("a halted rollout did not stay halted");
  }
  rollout.state = to;
  if (to == RolloutState::halted) take_back_pending(rollout);
  if (to == RolloutState::rolling_back) send_back(rollout);
}

void Server::take_back_pending(SimRollout& rollout) {
  for (auto& [device, row] : rollout.rows) {
    const auto& target = devices_.at(device).target;
    if (!target || target->rollout != rollout.id || target->version != rollout.version) continue;
    if (!is_before_activating(row.step)) continue;
    fail(rollout, device, server::cause_cancelled);
    set_target(device, row.previous ? std::optional(Target{*row.previous, rollout.id, row.attempt}) : std::nullopt);
  }
}

void Server::send_back(SimRollout& rollout) {
  for (auto& [device, row] : rollout.rows) {
    const auto& target = devices_.at(device).target;
    if (!target || target->rollout != rollout.id || target->version != rollout.version) continue;
    if (row.step == DeviceStep::queued) continue;
    if (may_run_it(row) && row.previous) {
      auto to = row.is;
      to.step = DeviceStep::rolling_back;
      to.cause.clear();
      move(rollout, device, std::move(to));
    } else if (is_before_activating(row.step)) {
      fail(rollout, device, server::cause_cancelled);
    } else if (row.step != DeviceStep::failed) {
      continue;
    }
    set_target(device, row.previous ? std::optional(Target{*row.previous, rollout.id, row.attempt}) : std::nullopt);
  }
}

// Operators
// ------------------------------------------------------------------------------------------------------------

bool Server::operate(std::int64_t id, server::Operation operation) {
  using server::Operation;
  auto& rollout = rollouts_.at(id);
  if (server::refusal(operation, situation(rollout))) return false;
  auto& open = rollout.waves[static_cast<std::size_t>(rollout.wave)];
  switch (operation) {
    case Operation::start:
      open.opened_at = scheduler_.now();
      enter(rollout, RolloutState::running);
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
  }
  check(rollout);
  return true;
}

void Server::retry(SimRollout& rollout) {
  for (auto& [device, row] : rollout.rows) {
    if (row.step != DeviceStep::failed || !server::is_retryable(row.is.cause)) continue;
    move(rollout, device, {.step = DeviceStep::queued});
    ++row.attempt;
    row.notified_at.reset();
    row.started_at.reset();
  }
  rollout.waves[static_cast<std::size_t>(rollout.wave)].bake_started_at.reset();
  rollout.acknowledged = server::acknowledge(snapshot(rollout));
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
  if (rollout != rollouts_.end()) model.probation = rollout->second.policy.probation;
  document.models = {model};
  return document;
}

// Safety
// ---------------------------------------------------------------------------------------------------------------

std::int64_t Server::in_progress_reachable(const SimRollout& rollout) const {
  return std::count_if(rollout.rows.begin(), rollout.rows.end(), [this](const auto& row) {
    return server::is_in_progress(row.second.step) && reachable(row.first);
  });
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
  std::int64_t evidence = 0;
  std::int64_t done = 0;
  std::int64_t good = 0;
  for (const auto& [device, row] : rollout.rows) {
    const bool neutral = row.step == DeviceStep::failed && server::is_neutral_cause(row.is.cause);
    const bool counts = is_settled(row) && !neutral;
    evidence += row.wave <= rollout.wave && counts ? 1 : 0;
    if (row.wave != rollout.wave) continue;
    if (row.step == DeviceStep::queued && reachable(device)) ports_.violation("a wave passed with a device untold");
    if (server::is_in_progress(row.step) && reachable(device)) ports_.violation("a wave passed with work under way");
    if (!counts) continue;
    ++done;
    good += row.step == DeviceStep::succeeded ? 1 : 0;
  }
  const auto& gate = rollout.policy.gate;
  if (evidence == 0) ports_.violation("a wave passed before any device had an outcome");
  if (static_cast<double>(good) < gate.success_share * static_cast<double>(done)) {
    ports_.violation("a wave passed that failed");
  }
  const auto& baked_from = rollout.waves[static_cast<std::size_t>(rollout.wave)].bake_started_at;
  if (!baked_from || scheduler_.now() - *baked_from < std::chrono::seconds(gate.bake_s)) {
    ports_.violation("a wave passed unbaked");
  }
}

}  // namespace argosy::sim

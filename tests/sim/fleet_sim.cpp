#include "tests/sim/fleet_sim.hpp"

#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "tests/sim/sim_device.hpp"
#include "tests/sim/sim_server.hpp"

namespace argosy::sim {
namespace {

using namespace std::chrono_literals;
using server::Operation;
using server::RolloutState;

constexpr std::size_t violations_kept = 5;
constexpr auto faults_last = std::chrono::minutes(90);
constexpr auto converges_within = std::chrono::hours(3);

class World {
 public:
  explicit World(const Scenario& scenario)
      : scenario_(scenario),
        rng_(scenario.seed),
        options_(stable_hash(scenario.seed, "options")),
        late_(stable_hash(scenario.seed, "late")),
        stands_(late_.chance(0.4)),
        scheduler_(parse_rfc3339("2026-01-01T00:00:00Z").value()),
        network_(scheduler_, rng_, network_faults()),
        server_(scheduler_, {[this](const std::string& device) { publish(device); }, watch(),
                             [this](const std::string& version) { return accuracy_of(version); }}) {
    make_fleet();
  }

  Outcome run() {
    for (auto& [name, device] : devices_) device->power_on();
    tick_server();
    measure_guards();
    scheduler_.in(60s, [this] { begin_rollout("1.1"); });
    if (!scenario_.calm) begin_faults();
    if (stands_) expect_newcomers();
    scheduler_.run_until(scheduler_.now() + faults_last);
    end_faults();
    scheduler_.run_until(scheduler_.now() + converges_within);
    check_liveness();
    return outcome();
  }

 private:
  // The world ------------------------------------------------------------------------------------------------------

  NetworkFaults network_faults() {
    if (scenario_.calm) return {};
    return {rng_.uniform() * 0.4, rng_.uniform() * 0.3, Duration{20 + static_cast<std::int64_t>(rng_.below(40'000))}};
  }

  DeviceFaults device_faults() {
    if (scenario_.calm) return {};
    return {rng_.uniform() * 0.03, rng_.uniform() * 0.5, rng_.uniform() * 0.5, rng_.uniform() * 0.1,
            rng_.uniform() * 0.3};
  }

  std::function<void(const std::string&)> watch() {
    return [this](const std::string& what) {
      if (violations_.size() < violations_kept) violations_.push_back(to_rfc3339(scheduler_.now()) + " " + what);
    };
  }

  void make_fleet() {
    // The canary of a smaller fleet cannot show that a release gets more wrong.
    const auto size = scenario_.badness == Badness::inaccurate ? 20 + rng_.below(10) : 3 + rng_.below(14);
    const auto classes = 1 + rng_.below(3);
    for (std::uint64_t i = 0; i < size; ++i) add_device(i, "class-" + std::to_string(rng_.below(classes)));
  }

  void add_device(std::uint64_t number, const std::string& hardware_class) {
    const auto name = "device-" + std::to_string(number);
    Device::Ports ports;
    ports.report = [this, name](const wire::DeviceState& state) {
      network_.carry(name, [this, state] { server_.take(state); });
    };
    ports.poll = [this, name] { network_.carry(name, [this, name] { publish(name); }); };
    ports.quality = [this](const std::string& version) { return quality_of(version); };
    ports.violation = watch();
    ports.trace = [this](const std::string& what) {
      if (scenario_.trace) std::cerr << to_rfc3339(scheduler_.now()) << ' ' << what << '\n';
    };
    server_.enrol(name, hardware_class, options_.chance(0.5) ? "0" : "1");
    devices_[name] = std::make_unique<Device>(name, hardware_class, new_disk(), scheduler_, rng_, network_,
                                              device_faults(), std::move(ports));
  }

  // Some come while rollouts go on, one when all is over.
  void expect_newcomers() {
    const auto many = 1 + late_.below(4);
    const auto first = devices_.size();
    for (std::uint64_t i = 0; i < many; ++i) {
      const std::chrono::seconds when(
          late_.below(static_cast<std::uint64_t>(std::chrono::seconds(faults_last).count())));
      scheduler_.in(when, [this, number = first + i] { add_late(number); });
    }
    scheduler_.in(faults_last + 20min, [this, number = first + many] { add_late(number); });
    if (!scenario_.calm) scheduler_.in(std::chrono::seconds(late_.below(4000)), [this] { assign_or_not(); });
  }

  void add_late(std::uint64_t number) {
    add_device(number, "class-" + std::to_string(late_.below(3)));
    auto& device = *devices_.at("device-" + std::to_string(number));
    if (!faulty_) device.calm_down();
    const std::chrono::seconds in_the_box(late_.chance(0.5) ? late_.below(1800) : 0);
    scheduler_.in(in_the_box, [&device] { device.power_on(); });
  }

  void assign_or_not() {
    if (!faulty_) return;
    for (const auto& [id, rollout] : server_.rollouts())
      if (late_.chance(0.5)) server_.operate(id, rollout.standing ? Operation::unassign : Operation::assign);
    scheduler_.in(std::chrono::seconds(1 + late_.below(2000)), [this] { assign_or_not(); });
  }

  // Most serve 1.0, some with 0.9 beside it, a few have no model yet.
  Disk new_disk() {
    Disk disk;
    if (!scenario_.calm && rng_.chance(0.1)) return disk;
    install(disk, agent::SlotName::a, "1.0");
    disk.slots.serving = agent::SlotName::a;
    if (rng_.chance(0.5)) install(disk, agent::SlotName::b, "0.9");
    return disk;
  }

  static void install(Disk& disk, agent::SlotName slot, const std::string& version) {
    disk.slots.at(slot) = agent::SlotContent{version, digest_of(version), "onnx", 1'000'000, true};
    disk.file_digest[static_cast<std::size_t>(slot)] = digest_of(version);
  }

  Quality quality_of(const std::string& version) const {
    if (version != "1.1") return {};
    switch (scenario_.badness) {
      case Badness::none:
        return {};
      case Badness::inaccurate:  // no device can tell by itself
        return {.accuracy = accuracy_of(version)};
      case Badness::refused:
        return {.validates = false};
      case Badness::slow:
        return {.latency_ms = 50};
      case Badness::crashes:
        return {.crashes = true};
    }
    return {};
  }

  double accuracy_of(const std::string& version) const {
    return scenario_.badness == Badness::inaccurate && version == "1.1" ? 0.8 : 0.95;
  }

  void publish(const std::string& device) {
    const auto document = server_.desired(device);
    network_.carry(device, [this, device, document] { devices_.at(device)->take(document); });
  }

  void tick_server() {
    server_.tick();
    scheduler_.in(5s, [this] { tick_server(); });
  }

  void measure_guards() {
    server_.measure();
    scheduler_.in(20s, [this] { measure_guards(); });
  }

  server::Policy policy() {
    server::Policy policy;
    policy.waves = {{0.2}, {0.5}, {1.0}};
    policy.gate.bake_s = static_cast<std::int64_t>(rng_.below(120));
    policy.gate.success_share = 0.7;
    policy.guards = {{.metric = server::GuardMetric::accuracy}};
    policy.look_s = 60;
    policy.gate.max_dwell_s = 1800;
    policy.probation.duration_s = 60;
    policy.probation.max_latency_ratio = 2;
    policy.probation.max_duration_s = 600;
    policy.in_progress_timeout_s = 900;
    if (options_.chance(0.3)) policy.maintenance = maintenance();
    if (options_.chance(0.3)) policy.targets = server::Targets::dynamic;
    policy.approval.required = options_.chance(0.2);
    if (options_.chance(0.3)) policy.pace = pace();
    const bool one_shows_it = scenario_.badness != Badness::inaccurate;  // a single canary, whether it is bad
    if (options_.chance(0.3) && one_shows_it) policy.waves = {{.devices = 1}, {.share = 0.5, .per_mille = 500}, {1.0}};
    if (options_.chance(0.3)) policy.max_downloads = 1 + static_cast<std::int64_t>(options_.below(3));
    policy.max_in_progress = 1 + static_cast<std::int64_t>(rng_.below(6));
    if (options_.chance(0.3)) add_shadow_runs(policy);
    return policy;
  }

  void add_shadow_runs(server::Policy& policy) {
    policy.shadow = wire::ShadowSpec{.samples = 1000, .max_s = 400, .required = options_.chance(0.5)};
    policy.guards.push_back({.metric = server::GuardMetric::shadow_accuracy, .promotion_margin = 0.1});
  }

  // Closed for twenty minutes, once in the time that is looked at. A wave whose canaries have to wait for longer than
  // the longest dwell pauses as inconclusive.
  server::Maintenance maintenance() {
    server::Maintenance maintenance;
    maintenance.from = std::chrono::minutes(20 + options_.below(120));
    maintenance.length = std::chrono::hours(24) - 20min;
    return maintenance;
  }

  server::Pace pace() {
    server::Pace pace;
    pace.kind = options_.chance(0.5) ? server::PaceKind::exponential : server::PaceKind::constant;
    pace.per_minute = 0.5 + options_.uniform() * 10;
    pace.after_successes = 1 + static_cast<std::int64_t>(options_.below(4));
    pace.most_per_minute = *pace.per_minute * 4;
    pace.jitter_s = static_cast<std::int64_t>(options_.below(180));
    return pace;
  }

  void begin_rollout(const std::string& version) {
    const auto id = server_.create(version, policy(), rng_(), stands_);
    const std::chrono::seconds wait(options_.chance(0.3) ? 1 + options_.below(900) : 0);
    server_.start(id, wait.count() > 0 ? std::optional<Instant>(scheduler_.now() + wait) : std::nullopt);
    server_.operate(id, Operation::approve);
  }

  // Faults ---------------------------------------------------------------------------------------------------------

  void begin_faults() {
    for (auto& [name, device] : devices_) {
      disturb_power(*device);
      disturb_network(name);
      if (rng_.chance(0.1)) scheduler_.in(random_within(3000s), [this, name = name] { die(name); });
      if (rng_.chance(0.15)) scheduler_.in(random_within(600s), [this, name = name] { network_.cut(name); });
    }
    scheduler_.in(random_within(1200s), [this] { interfere(); });
    scheduler_.in(random_within(300s), [this] { change_leader(); });
    if (rng_.chance(0.4)) {
      const std::string next = rng_.chance(0.5) ? "1.2" : "0.9";
      scheduler_.in(600s + random_within(3000s), [this, next] { begin_rollout(next); });
    }
  }

  Duration random_within(std::chrono::seconds longest) {
    return Duration{1 + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(Duration{longest}.count())))};
  }

  // Stolen, burnt or drowned: nobody may wait for it for ever.
  void die(const std::string& name) {
    dead_.insert(name);
    devices_.at(name)->power_off();
  }

  void disturb_power(Device& device) {
    scheduler_.in(random_within(2400s), [this, &device] {
      if (!faulty_) return;
      device.power_off();
      scheduler_.in(random_within(300s), [this, &device] {
        if (dead_.count(device.name()) == 0) device.power_on();
        disturb_power(device);
      });
    });
  }

  void disturb_network(const std::string& name) {
    scheduler_.in(random_within(2400s), [this, name] {
      if (!faulty_) return;
      network_.cut(name);
      scheduler_.in(random_within(600s), [this, name] {
        network_.mend(name);
        disturb_network(name);
      });
    });
  }

  // An operator who presses buttons now and then.
  void interfere() {
    if (!faulty_) return;
    constexpr Operation buttons[] = {Operation::pause, Operation::resume, Operation::resume,  Operation::promote,
                                     Operation::retry, Operation::halt,   Operation::rollback};
    for (const auto& [id, rollout] : server_.rollouts()) {
      if (rng_.chance(0.5)) server_.operate(id, buttons[rng_.below(std::size(buttons))]);
      if (options_.chance(0.1)) server_.promote_all(id);
    }
    scheduler_.in(random_within(1200s), [this] { interfere(); });
  }

  void change_leader() {
    if (!faulty_) return;
    server_.change_leader();
    scheduler_.in(random_within(300s), [this] { change_leader(); });
  }

  void end_faults() {
    faulty_ = false;
    network_.calm_down();
    for (auto& [name, device] : devices_) {
      device->calm_down();
      if (dead_.count(name) == 0) device->power_on();
    }
    for (const auto& [id, rollout] : server_.rollouts()) {
      if (rng_.chance(0.5)) server_.operate(id, Operation::retry);
      server_.operate(id, Operation::resume);
    }
  }

  // Liveness -------------------------------------------------------------------------------------------------------

  void check_liveness() {
    const auto complain = watch();
    for (const auto& [id, rollout] : server_.rollouts()) check_rollout(rollout, complain);
    for (const auto& [id, rollout] : server_.rollouts())
      if (rollout.stands_since) check_stands_for_all(rollout, complain);
    for (const auto& [name, device] : devices_) {
      if (dead_.count(name) == 0) check_device(*device, complain);
    }
  }

  template <class Complain>
  void check_rollout(const SimRollout& rollout, const Complain& complain) {
    const auto name = "rollout " + std::to_string(rollout.id);
    const bool moving = rollout.state == RolloutState::running || rollout.state == RolloutState::scheduled ||
                        rollout.state == RolloutState::rolling_back;
    if (moving && !has_nobody_to_ask(rollout)) {
      complain(name + " is still " + std::string(to_string(rollout.state)) + ": " + server_.gate_of(rollout));
    }
    for (const auto& [device, row] : rollout.rows) {
      const auto where = name + ": " + device + " is still " + std::string(to_string(row.is.step));
      if (server::has_begun(row.is.step)) complain(where);
      if (dead_.count(device) != 0) continue;
      if (row.is.step == server::DeviceStep::notified || row.is.step == server::DeviceStep::rolling_back)
        complain(where);
      if (rollout.state == RolloutState::completed && row.is.step == server::DeviceStep::queued) complain(where);
      check_truth(rollout, device, row, complain);
    }
  }

  // Each device is in it, or was told something newer.
  template <class Complain>
  void check_stands_for_all(const SimRollout& rollout, const Complain& complain) {
    for (const auto& [name, device] : devices_) {
      const auto& target = server_.known(name).target;
      const bool has_newer = target && target->rollout > rollout.id && server_.is_wish(*target);
      if (rollout.rows.count(name) == 0 && !has_newer)
        complain(name + " never joined rollout " + std::to_string(rollout.id) + ", which stands for it");
    }
  }

  // Every device of the opened waves is gone without an outcome, or an operator accepted what a guard found: only an
  // operator can go on.
  bool has_nobody_to_ask(const SimRollout& rollout) const {
    if (!rollout.acknowledged.guards.empty()) return true;
    for (const auto& [device, row] : rollout.rows) {
      const bool neutral = row.is.step == server::DeviceStep::failed && server::is_neutral_cause(row.is.cause);
      if (row.wave <= rollout.wave && dead_.count(device) == 0 && !neutral) return false;
    }
    return true;
  }

  // What the rollout believes is what the device does, as long as nobody else has told it something.
  template <class Complain>
  void check_truth(const SimRollout& rollout, const std::string& device, const Row& row, const Complain& complain) {
    const auto& target = server_.known(device).target;
    if (!target || target->rollout != rollout.id) return;
    const auto serves = devices_.at(device)->serves();
    if (row.is.step == server::DeviceStep::succeeded && serves != rollout.version) {
      complain(device + " counts as updated to " + rollout.version + " and serves " + serves);
    }
    const bool failed = row.is.step == server::DeviceStep::failed && !server::is_neutral_cause(row.is.cause);
    if (failed && row.previous_release && target->version == rollout.version && serves == rollout.version) {
      complain(device + " counts as failed (" + row.is.cause + ") and serves " + serves);
    }
    if (row.is.step == server::DeviceStep::rolled_back && !is_back(row, serves))
      complain(device + " counts as back and serves " + serves);
  }

  bool is_back(const Row& row, const std::string& serves) const {
    return row.previous_release && server_.version_of(*row.previous_release) == serves;
  }

  template <class Complain>
  void check_device(const Device& device, const Complain& complain) {
    const auto& state = device.state();
    if (!agent::is_terminal(state.phase)) complain(device.name() + " is still " + std::string(to_string(state.phase)));
    const auto& target = server_.known(device.name()).target;
    if (!target || device.serves() == target->version) return;
    const bool gave_up = state.wish && state.wish->version == target->version &&
                         state.wish->rollout == target->rollout && state.wish->attempt == target->attempt;
    if (!gave_up) complain(device.name() + " serves " + device.serves() + " and never tried " + target->version);
  }

  Outcome outcome() const {
    Outcome outcome;
    outcome.violations = violations_;
    outcome.events = scheduler_.happened();
    outcome.shadow_reports = server_.shadow_reports();
    outcome.newcomers = server_.newcomers();
    const auto& first = server_.rollouts().at(1);
    outcome.first_state = first.state;
    outcome.told = static_cast<std::int64_t>(first.told.size());
    outcome.planned_first_wave = first.waves.front().planned;
    for (const auto& wave : first.waves) outcome.first_counts = server::sum(outcome.first_counts, wave.counts);
    return outcome;
  }

  Scenario scenario_;
  Rng rng_;
  Rng options_;  // of policies: a new one leaves the other draws of a seed as they were
  Rng late_;     // of newcomers and what stands
  bool stands_;
  Scheduler scheduler_;
  Network network_;
  std::vector<std::string> violations_;
  Server server_;
  std::map<std::string, std::unique_ptr<Device>> devices_;
  std::set<std::string> dead_;
  bool faulty_ = true;
};

}  // namespace

Scenario scenario_of(std::uint64_t seed) {
  Rng rng(stable_hash(seed, "scenario"));
  Scenario scenario{.seed = seed, .calm = seed % 4 == 0};
  const auto draw = rng.below(8);
  if (draw == 4) scenario.badness = Badness::inaccurate;
  if (draw == 5) scenario.badness = Badness::refused;
  if (draw == 6) scenario.badness = Badness::slow;
  if (draw == 7) scenario.badness = Badness::crashes;
  return scenario;
}

Outcome run(const Scenario& scenario) {
  return World(scenario).run();
}

}  // namespace argosy::sim

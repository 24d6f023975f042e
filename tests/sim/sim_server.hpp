// The server in memory: the real rollout engine, the real effects and the real mapping of reports, around rows that
// stand for the database. The rows that *_store.cpp picks by SQL are picked here from maps, and after each step the
// rules of safety are checked.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.hpp"
#include "common/wire/desired.hpp"
#include "common/wire/state.hpp"
#include "server/rollouts/core/report_mapping.hpp"
#include "server/rollouts/core/rollout_effects.hpp"
#include "server/rollouts/core/rollout_engine.hpp"
#include "server/rollouts/guards/guard.hpp"
#include "server/rollouts/guards/panel.hpp"
#include "tests/sim/scheduler.hpp"

namespace argosy::sim {

struct Row : server::RolloutDevice {
  std::optional<Instant> notified_at{};
  std::optional<Instant> started_at{};
  std::optional<Instant> clock_from{};
  std::optional<Instant> finished_at{};
  bool is_newcomer = false;  // it joined while the rollout stood
};

struct SimRollout {
  std::int64_t id = 0;
  std::string version;
  server::Policy policy;
  server::RolloutState state = server::RolloutState::draft;
  std::string reason;
  int wave = 0;
  std::int64_t etag = 0;  // raised by each change of state or wave
  std::vector<server::WaveView> waves;
  std::map<std::string, Row> rows;
  server::Acknowledged acknowledged;
  std::set<std::string> told;  // ever
  std::optional<Instant> start_at{};
  std::optional<Instant> looked_for_more_at{};
  bool promote_all = false;
  std::optional<Instant> pace_spent_until{};
  std::vector<Instant> told_at{};           // each telling
  std::optional<std::string> told_up_to{};  // of the last stop; none: everybody has heard of it
  server::GuardPanel panel{};               // every device: fleets are small here
  server::LooksTaken looks{};
  std::vector<server::GuardVerdict> verdicts{};  // at the newest look
  bool standing = false;                         // asked for
  std::optional<Instant> stands_since{};
};

struct Target {
  std::string version;
  std::int64_t rollout = 0;
  int attempt = 1;
};

struct Known {  // what the server knows about a device
  std::string hardware_class;
  std::string zone;
  std::string version;
  bool updating = false;
  std::int64_t nonce = 0;
  std::optional<Instant> last_seen;
  Instant online_since{};
  std::int64_t rev = 0;
  std::optional<Target> target;
  Instant enrolled_at{};
};

class Server {
 public:
  struct Ports {
    std::function<void(const std::string& device)> publish;
    std::function<void(const std::string& what)> violation;
    std::function<double(const std::string& version)> accuracy;  // share of labelled inputs that a device gets right
  };
  Server(Scheduler& scheduler, Ports ports) : scheduler_(scheduler), ports_(std::move(ports)) {}

  // `zone`: hours to add to UTC. At any time.
  void enrol(const std::string& device, const std::string& hardware_class, const std::string& zone);
  std::int64_t create(const std::string& version, server::Policy policy, std::uint64_t seed, bool standing = false);
  // Asks for the start; at `at`, when that lies ahead.
  bool start(std::int64_t rollout, std::optional<Instant> at = {});
  bool promote_all(std::int64_t rollout);
  // Whether it was legal.
  bool operate(std::int64_t rollout, server::Operation operation);
  void take(const wire::DeviceState& state);
  void tick();
  // What devices sent since the last call goes into the panels, and guards are looked at where a look is due.
  void measure();
  // Another instance takes over before the last one knows: for a moment both lead.
  void change_leader();
  wire::Desired desired(const std::string& device) const;

  const std::map<std::int64_t, SimRollout>& rollouts() const { return rollouts_; }
  // Why its gate stays closed.
  std::string gate_of(const SimRollout& rollout) const;
  // In which a device told more of its shadow run than before.
  std::uint64_t shadow_reports() const { return shadow_reports_; }
  // Devices that joined what stands.
  std::uint64_t newcomers() const { return newcomers_; }
  // Of the rollout that told it: newcomers.hpp.
  bool is_wish(const Target& target) const;
  const Known& known(const std::string& device) const { return devices_.at(device); }
  // Of a release, by the id that rows name it with.
  const std::string& version_of(std::int64_t release) const { return releases_.at(static_cast<std::size_t>(release)); }

 private:
  void draw_panel(SimRollout& rollout);
  void keep_shadow(SimRollout& rollout, const std::string& device, const wire::ShadowCounts& counts);
  void feed(SimRollout& rollout);
  void look(SimRollout& rollout);
  server::TakenWindow window_of(const std::string& version);
  bool reachable(const std::string& device) const;
  server::Snapshot snapshot(const SimRollout& rollout) const;
  server::Situation situation(const SimRollout& rollout) const;
  std::vector<server::ZoneView> zones_of(const SimRollout& rollout) const;
  std::optional<Instant> clock_of(const std::string& device, const Row& row) const;
  std::int64_t release_of(const std::string& version);
  void save(SimRollout& rollout, const server::Effects& effects);
  void save(SimRollout& rollout, const server::DeviceMove& move);
  void save(const server::TargetChange& change);

  void apply(SimRollout& rollout, const server::Start& action);
  void apply(SimRollout& rollout, const server::Join& action);
  void apply(SimRollout& rollout, const server::Notify& action);
  void apply(SimRollout& rollout, const server::TimeOut& action);
  void apply(SimRollout& rollout, const server::StartBake& action);
  void apply(SimRollout& rollout, const server::OpenWave& action);
  void apply(SimRollout& rollout, const server::ChangeState& action);
  void apply(SimRollout& rollout, const server::TryAgain& action);
  void apply(SimRollout& rollout, const server::StandDown& action);
  void apply(SimRollout& rollout, const server::Dismiss& action);
  void begin_to_stand(SimRollout& rollout);
  void stand_down(SimRollout& rollout);
  void look_at_all_again();
  void take_newcomers();
  void take_newcomer(const std::string& device);
  void queue_newcomer(SimRollout& rollout, const std::string& device);
  server::Counts latest_newcomers(const SimRollout& rollout) const;
  server::HeardOut hear_out(const SimRollout& rollout, const Row& row);
  void supersede(const SimRollout& by, const std::vector<server::TargetChange>& told);
  void enter(SimRollout& rollout, server::RolloutState to);
  void launch(SimRollout& rollout);
  void tell_of_stop(SimRollout& rollout, const std::string& after);
  void retry(SimRollout& rollout);

  void check(const SimRollout& rollout) const;
  void check_gate(const SimRollout& rollout, int opened) const;
  void check_accuracy(const SimRollout& rollout) const;
  std::int64_t in_progress_reachable(const SimRollout& rollout) const;
  void check_pace(const SimRollout& rollout) const;
  void check_downloads(const SimRollout& rollout) const;

  Scheduler& scheduler_;
  Ports ports_;
  std::map<std::string, Known> devices_;
  std::map<std::int64_t, SimRollout> rollouts_;
  std::set<std::string> changed_;      // devices that may have come to match what stands
  std::vector<std::string> releases_;  // versions; a release's id is its place
  Rng labels_{7};
  std::uint64_t shadow_reports_ = 0;
  std::uint64_t newcomers_ = 0;
};

std::string digest_of(const std::string& version);

}  // namespace argosy::sim

// The server in memory: the real rollout engine and the real mapping of reports, around rows that stand for the
// database. What *_store.cpp does in SQL is done here in maps, and after each step the rules of safety are checked.
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
#include "server/rollouts/report_mapping.hpp"
#include "server/rollouts/rollout_engine.hpp"
#include "tests/sim/scheduler.hpp"

namespace argosy::sim {

struct Row {
  int wave = 0;
  int attempt = 1;
  server::DeviceStep step = server::DeviceStep::queued;
  server::Progress is;
  std::optional<std::string> previous;  // version
  std::optional<Instant> notified_at;
  std::optional<Instant> started_at;
};

struct SimRollout {
  std::int64_t id = 0;
  std::string version;
  server::Policy policy;
  server::RolloutState state = server::RolloutState::draft;
  std::string reason;
  int wave = 0;
  std::vector<server::WaveView> waves;
  std::map<std::string, Row> rows;
  server::Acknowledged acknowledged;
  std::set<std::string> told;  // ever
};

struct Target {
  std::string version;
  std::int64_t rollout = 0;
  int attempt = 1;
};

struct Known {  // what the server knows about a device
  std::string hardware_class;
  std::string version;
  bool updating = false;
  std::int64_t nonce = 0;
  std::optional<Instant> last_seen;
  Instant online_since{};
  std::int64_t rev = 0;
  std::optional<Target> target;
};

class Server {
 public:
  struct Ports {
    std::function<void(const std::string& device)> publish;
    std::function<void(const std::string& what)> violation;
  };
  Server(Scheduler& scheduler, Ports ports) : scheduler_(scheduler), ports_(std::move(ports)) {}

  void enrol(const std::string& device, const std::string& hardware_class);
  std::int64_t create(const std::string& version, server::Policy policy, std::uint64_t seed);
  // Whether it was legal.
  bool operate(std::int64_t rollout, server::Operation operation);
  void take(const wire::DeviceState& state);
  void tick();
  wire::Desired desired(const std::string& device) const;

  const std::map<std::int64_t, SimRollout>& rollouts() const { return rollouts_; }
  const Known& known(const std::string& device) const { return devices_.at(device); }

 private:
  bool reachable(const std::string& device) const;
  server::Snapshot snapshot(const SimRollout& rollout) const;
  server::Situation situation(const SimRollout& rollout) const;
  std::optional<Instant> clock_of(const std::string& device, const Row& row) const;
  void set_target(const std::string& device, std::optional<Target> target);
  void move(SimRollout& rollout, const std::string& device, server::Progress to);
  void fail(SimRollout& rollout, const std::string& device, std::string_view cause);

  void apply(SimRollout& rollout, const server::Notify& action);
  void apply(SimRollout& rollout, const server::TimeOut& action);
  void apply(SimRollout& rollout, const server::StartBake& action);
  void apply(SimRollout& rollout, const server::OpenWave& action);
  void apply(SimRollout& rollout, const server::ChangeState& action);
  void tell(SimRollout& rollout, const std::string& device);
  void supersede(const SimRollout& by, const std::string& device);
  void enter(SimRollout& rollout, server::RolloutState to);
  void take_back_pending(SimRollout& rollout);
  void send_back(SimRollout& rollout);
  void retry(SimRollout& rollout);

  void check(const SimRollout& rollout) const;
  void check_gate(const SimRollout& rollout, int opened) const;
  std::int64_t in_progress_reachable(const SimRollout& rollout) const;

  Scheduler& scheduler_;
  Ports ports_;
  std::map<std::string, Known> devices_;
  std::map<std::int64_t, SimRollout> rollouts_;
};

std::string digest_of(const std::string& version);

}  // namespace argosy::sim

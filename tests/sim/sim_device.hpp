// A device: the agent's real update machine on a disk that keeps exactly what was kept, with effects that take time,
// fail, and are cut short when the power goes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "agent/update/shadow_answer.hpp"
#include "agent/update/update_machine.hpp"
#include "common/base/random.hpp"
#include "common/wire/desired.hpp"
#include "common/wire/state.hpp"
#include "tests/sim/scheduler.hpp"
#include "tests/sim/sim_network.hpp"

namespace argosy::sim {

// What a version does on one device.
struct Quality {
  bool validates = true;
  double latency_ms = 10;
  bool crashes = false;
  double accuracy = 0.95;  // share of its answers that are right
};

struct DeviceFaults {
  double cut_at_save = 0;  // the power goes just before or just after a state is kept
  double bad_fetch = 0;    // a fetch breaks off
  double bad_patch = 0;
  double lost_journal = 0;      // at a boot
  double flaky_validation = 0;  // a good model fails for want of time
};

// What a power cut leaves.
struct Disk {
  std::optional<agent::UpdateState> journal;
  agent::Slots slots;                            // sealed contents, and where `current` leads
  std::array<std::string, 2> file_digest;        // what the files really hold; "?" while being written
  std::map<std::string, std::uint64_t> fetched;  // by digest
};

class Device {
 public:
  struct Ports {
    std::function<void(const wire::DeviceState&)> report;
    std::function<void()> poll;
    std::function<Quality(const std::string& version)> quality;
    std::function<void(const std::string& what)> violation;
    std::function<void(const std::string& what)> trace;
  };

  Device(std::string name, std::string hardware_class, Disk disk, Scheduler& scheduler, Rng& rng, Network& network,
         DeviceFaults faults, Ports ports);

  void power_on();
  void power_off();
  bool powered() const { return powered_; }
  void take(const wire::Desired& desired);
  void calm_down() { faults_ = {}; }

  const std::string& name() const { return name_; }
  const std::string& hardware_class() const { return hardware_class_; }
  const Disk& disk() const { return disk_; }
  const agent::UpdateState& state() const { return state_; }
  std::string serves() const;  // version, or empty

 private:
  void handle(const agent::Event& event);
  void take_step(agent::Step step);
  void act(const agent::Effect& effect);
  void later(Duration delay, std::function<void()> action);  // unless the power goes first
  void job(Duration duration, std::function<void()> work);   // one after the other
  void fetch(const agent::FetchBlob& work, std::int64_t ticket);
  bool makes_the_model(const wire::PatchOffer& patch, const std::optional<agent::SlotName>& base);
  void stream_patch(const agent::StreamPatch& work, std::int64_t ticket);
  void apply_patch(const agent::ApplyPatch& work, std::int64_t ticket);
  void verify(const agent::VerifyVersion& work, std::int64_t ticket);
  void validate(std::int64_t ticket);
  void lead_to(agent::SlotName slot);
  void observe();
  void answer_with_both();
  void beat();
  void ask();
  void say();
  void check_disk();

  std::string name_;
  std::string hardware_class_;
  Disk disk_;
  Scheduler& scheduler_;
  Rng& rng_;
  Network& network_;
  DeviceFaults faults_;
  Ports ports_;

  bool powered_ = false;
  std::uint64_t boot_ = 0;  // also the session's nonce
  std::int64_t rev_ = 0;
  agent::UpdateState state_;
  Instant busy_until_{};
  std::uint64_t observed_ = 0;
};

}  // namespace argosy::sim

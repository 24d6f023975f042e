// Rollouts for everyone else: what people ask for, what devices report, and the tick that moves them on. Coroutines on
// the I/O thread; the SQL runs on the pool's threads. Any instance serves people; the leader alone ticks and takes
// reports, and if two ever did, each step would still happen once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/state.hpp"
#include "server/base/task.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

class DbPool;
class PatchService;

struct RolloutOptions {
  Duration guard_interval{2000};  // guard figures are measured again after so long
  int rounds = 4;                 // of one rollout in one tick, while it has more to do
  // What takes long is done less often: at most this share of the time goes to one rollout's looks and measurements
  // that nothing asked for. 1: no limit.
  double busy_share = 1;
};

class RolloutService {
 public:
  virtual ~RolloutService() = default;

  // Errc::not_found (model, version), filter_syntax.
  virtual Task<Result<RolloutRecord>> create(NewRollout rollout, std::string actor, Instant now) = 0;
  virtual Task<Result<RolloutDetails>> get(std::int64_t id, Instant now) = 0;
  virtual Task<Result<RolloutPage<RolloutRecord>>> list(std::int64_t before, std::size_t limit) = 0;
  virtual Task<Result<RolloutPage<RolloutDeviceRecord>>> devices(std::int64_t id, std::string key, std::string after,
                                                                 std::size_t limit) = 0;
  virtual Task<Result<RolloutPage<DecisionRecord>>> decisions(std::int64_t id, std::int64_t before,
                                                              std::size_t limit) = 0;
  // Errc::precondition_failed, illegal_transition.
  virtual Task<Result<RolloutDetails>> operate(OperatorCall call, Instant now) = 0;

  // What devices report, at most 500 documents at once, and only those that DeviceService has taken (not stale, not
  // revoked); answers how many devices moved.
  virtual Task<Result<std::size_t>> take_reports(std::vector<wire::DeviceState> states, Instant now) = 0;
  // Moves every rollout as far as it goes now; answers how many rollouts acted. Call about once a second, and when
  // on_due asks for it. Judges guards by their last measurement and never waits for one. One rollout's error does not
  // hold the others; the first is answered.
  virtual Task<Result<std::size_t>> tick(Instant now) = 0;
  // Measures the guards of running rollouts anew where it is time; answers how many it measured. What cannot be
  // measured is `unknown` from then on, which the decisions tell once.
  virtual Task<Result<std::size_t>> measure(Instant now) = 0;
  // Called on the I/O thread when something happened that a tick should look at soon.
  virtual void on_due(std::function<void()> wake) = 0;
};

std::unique_ptr<RolloutService> create_rollout_service(DbPool& db, PatchService& patches, RolloutOptions options = {});

}  // namespace argosy::server

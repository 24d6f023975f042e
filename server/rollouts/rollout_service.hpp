// Rollouts for everyone else: what people ask for, what devices report, and the tick that moves them on. Coroutines on
// the I/O thread; the SQL runs on the pool's threads. Any instance serves people; the leader alone ticks and takes
// reports, and if two ever did, each step would still happen once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/state.hpp"
#include "server/base/task.hpp"
#include "server/rollouts/core/assignment.hpp"
#include "server/rollouts/core/recall.hpp"
#include "server/rollouts/core/rollout_record.hpp"
#include "server/rollouts/core/validation_numbers.hpp"
#include "server/rollouts/planning_service.hpp"
#include "server/rollouts/rollout_preview.hpp"

namespace argosy::server {

class DbPool;
class PatchService;

struct RolloutOptions {
  Duration guard_interval{2000};  // whether a look at guards is due is asked again after so long
  int rounds = 4;                 // of one rollout in one tick, while it has more to do
  // What takes long is done less often: at most this share of the time goes to one rollout's looks and measurements
  // that nothing asked for. 1: no limit.
  double busy_share = 1;
  bool approval_required = false;  // of every rollout, whatever its policy says
};

class RolloutService {
 public:
  RolloutService(DbPool& db, PatchService& patches, RolloutOptions options = {});

  // Errc::not_found (model, version), filter_syntax.
  Task<Result<RolloutRecord>> create(NewRollout rollout, std::string actor, Instant now);
  // What create() would make of it; writes nothing.
  Task<Result<RolloutPreview>> preview(NewRollout rollout, Instant now);
  Task<Result<RolloutDetails>> get(std::int64_t id, Instant now);
  Task<Result<RolloutPage<RolloutRecord>>> list(std::int64_t before, std::size_t limit);
  Task<Result<RolloutPage<RolloutDeviceRecord>>> devices(std::int64_t id, std::string key, std::string after,
                                                         std::size_t limit, Instant now);
  Task<Result<RolloutPage<DecisionRecord>>> decisions(std::int64_t id, std::int64_t before, std::size_t limit);
  // Why a device runs what it runs. Errc::not_found.
  Task<Result<std::vector<DeviceAssignment>>> assignments(std::string device, Instant now);
  // A histogram, of the same size whatever the fleet.
  Task<Result<ValidationNumbers>> validation(std::int64_t id);
  // Errc::precondition_failed, illegal_transition.
  Task<Result<RolloutDetails>> operate(OperatorCall call, Instant now);

  // Of a release. Errc::not_found.
  Task<Result<Recalled>> withdraw(RecallCall call, Instant now);
  Task<Result<Recalled>> recall(RecallCall call, Instant now);

  // Reactions of rules to alerts; each ends in the transaction that does it.
  Task<Result<void>> pause_for_reaction(std::int64_t reaction, Instant now);
  Task<Result<void>> send_back_for_reaction(std::int64_t reaction, Instant now);

  // What devices report, at most 500 documents at once, and only those that DeviceService has taken (not stale, not
  // revoked); answers how many devices moved.
  Task<Result<std::size_t>> take_reports(std::vector<wire::DeviceState> states, Instant now);
  // Moves every rollout as far as it goes now; answers how many rollouts acted. Call about once a second, and when
  // on_due asks for it. Takes guards as they were at their last look and never waits for one. One rollout's error does
  // not hold the others; the first is answered.
  Task<Result<std::size_t>> tick(Instant now);
  // One step of the oldest plan that is to be made in pieces; call again at once unless it is idle.
  Task<Result<PlanningService::Step>> plan_some(Instant now) { return planning_.step(now); }
  // Looks at the guards of running rollouts where a look is due; answers how many were. Guards that cannot be measured
  // are `unknown` from then on, which the decisions tell once.
  Task<Result<std::size_t>> measure(Instant now);
  // Called on the I/O thread when something happened that a tick should look at soon.
  void on_due(std::function<void()> wake) { wake_ = std::move(wake); }
  // The same when there is a plan to make.
  void on_plan_due(std::function<void()> plan) { plan_ = std::move(plan); }

 private:
  using Clock = std::chrono::steady_clock;

  struct Measuring {            // of one rollout's guards
    std::optional<Instant> at;  // of the last time; none: there is more to read at once
    Clock::time_point rests_until{};
  };
  struct Look {
    std::optional<Instant> at;  // of the last tick that went well
    Clock::time_point rests_until{};
  };

  void wake();
  Task<Result<void>> follow_presence();
  Task<Result<std::size_t>> take_newcomers(Instant now);
  Clock::time_point rest_after(Clock::time_point began) const;
  bool is_due(std::int64_t rollout, Instant now) const;
  Task<Result<void>> tell_measuring(RolloutRecord record, std::string why, Instant now);
  Task<Result<RolloutDetails>> show(RolloutRecord record, Instant now);
  void forget_all_but(const std::vector<RolloutRecord>& records);
  Task<Result<bool>> tick_one(RolloutRecord record, Instant now);

  DbPool& db_;
  PatchService& patches_;
  RolloutOptions options_;
  PlanningService planning_;
  std::map<std::int64_t, Measuring> measurings_;
  std::map<std::int64_t, Look> looks_;
  bool due_ = true;
  std::function<void()> wake_;
  std::function<void()> plan_;
};

}  // namespace argosy::server

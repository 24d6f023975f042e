#include "server/rollouts/rollout_service.hpp"

#include <algorithm>
#include <utility>

#include "common/base/random.hpp"
#include "server/db/db_pool.hpp"
#include "server/models/patch_service.hpp"
#include "server/rollouts/guards/panel_store.hpp"
#include "server/rollouts/store/advance_store.hpp"
#include "server/rollouts/store/assignment_store.hpp"
#include "server/rollouts/store/newcomer_store.hpp"
#include "server/rollouts/store/operate_store.hpp"
#include "server/rollouts/store/preview_store.hpp"
#include "server/rollouts/store/reach_store.hpp"
#include "server/rollouts/store/recall_store.hpp"
#include "server/rollouts/store/report_store.hpp"
#include "server/rollouts/store/rollout_store.hpp"
#include "server/rollouts/store/rule_reaction_store.hpp"
#include "server/rollouts/store/validation_store.hpp"

namespace argosy::server {
namespace {

// Two clocks, and a transaction that takes its time: a revocation is looked for a little into the past.
constexpr std::chrono::minutes revocation_overlap{5};
constexpr std::size_t newcomers_at_once = 1000;
constexpr std::size_t followed_at_once = 1000;  // devices whose presence changed, in one transaction

std::uint64_t new_seed() {
  std::uint64_t seed = 0;
  for (const auto byte : secure_random(8)) seed = seed << 8 | byte;
  return seed;
}

// Nothing is decided before, so nothing waits for its pieces. One that is scheduled is planned anew at its time.
bool waits_for_its_plan(const RolloutRecord& record) {
  return record.planning && !record.told_up_to && record.state != RolloutState::scheduled;
}

// The database, or the term of this instance: that says nothing about guards.
bool is_away(const Result<LookOutcome>& outcome) {
  return !outcome && outcome.error().code == Errc::unavailable;
}

std::string error_of(const Result<LookOutcome>& outcome) {
  return outcome ? "" : outcome.error().message;
}

}  // namespace

RolloutService::RolloutService(DbPool& db, PatchService& patches, RolloutOptions options)
    : db_(db), patches_(patches), options_(options), planning_(db) {}

Task<Result<RolloutRecord>> RolloutService::create(NewRollout rollout, std::string actor, Instant now) {
  rollout.seed = new_seed();
  ARGOSY_CO_TRY(auto record, co_await db_.transact<CreateRollout>(std::move(rollout), std::move(actor), now));
  if (record.planning && plan_) plan_();
  co_return std::move(record);
}

Task<Result<RolloutPreview>> RolloutService::preview(NewRollout rollout, Instant now) {
  rollout.seed = new_seed();
  co_return co_await db_.transact<PreviewRollout>(std::move(rollout), now);
}

Task<Result<RolloutDetails>> RolloutService::get(std::int64_t id, Instant now) {
  ARGOSY_CO_TRY(auto record, co_await db_.transact<GetRollout>(id));
  co_return co_await show(std::move(record), now);
}

Task<Result<RolloutPage<RolloutRecord>>> RolloutService::list(std::int64_t before, std::size_t limit) {
  return db_.transact<ListRollouts>(before, limit);
}

Task<Result<RolloutPage<RolloutDeviceRecord>>> RolloutService::devices(std::int64_t id, std::string key,
                                                                       std::string after, std::size_t limit,
                                                                       Instant now) {
  return db_.transact<ListRolloutDevices>(id, std::move(key), std::move(after), limit, now);
}

Task<Result<RolloutPage<DecisionRecord>>> RolloutService::decisions(std::int64_t id, std::int64_t before,
                                                                    std::size_t limit) {
  return db_.transact<ListDecisions>(id, before, limit);
}

Task<Result<std::vector<DeviceAssignment>>> RolloutService::assignments(std::string device, Instant now) {
  return db_.transact<ListAssignments>(std::move(device), now);
}

Task<Result<ValidationNumbers>> RolloutService::validation(std::int64_t id) {
  return db_.transact<GetValidationNumbers>(id);
}

Task<Result<RolloutDetails>> RolloutService::operate(OperatorCall call, Instant now) {
  ARGOSY_CO_TRY(auto operated, co_await db_.transact<OperateRollout>(std::move(call), now, options_.approval_required));
  wake();
  if (operated.planning && plan_) plan_();
  co_return co_await show(std::move(operated), now);
}

Task<Result<Recalled>> RolloutService::withdraw(RecallCall call, Instant now) {
  ARGOSY_CO_TRY(auto withdrawn, co_await db_.transact<WithdrawRelease>(std::move(call), now));
  wake();
  co_return withdrawn;
}

Task<Result<Recalled>> RolloutService::recall(RecallCall call, Instant now) {
  ARGOSY_CO_TRY(auto recalled, co_await db_.transact<RecallRelease>(std::move(call), now));
  wake();
  co_return recalled;
}

Task<Result<void>> RolloutService::pause_for_reaction(std::int64_t reaction, Instant now) {
  ARGOSY_CO_TRY(const bool did, co_await db_.transact<PauseRolloutsTouched>(reaction, now));
  if (did) wake();
  co_return Result<void>{};
}

Task<Result<void>> RolloutService::send_back_for_reaction(std::int64_t reaction, Instant now) {
  ARGOSY_CO_TRY(const bool did, co_await db_.transact<SendDeviceBack>(reaction, now));
  if (did) wake();
  co_return Result<void>{};
}

Task<Result<std::size_t>> RolloutService::take_reports(std::vector<wire::DeviceState> states, Instant now) {
  if (states.empty()) co_return std::size_t{0};
  auto moved = co_await db_.transact<TakeDeviceReports>(std::move(states), now);
  if (moved && *moved > 0) wake();
  co_return moved;
}

Task<Result<std::size_t>> RolloutService::tick(Instant now) {
  const bool asked_for = std::exchange(due_, false);
  ARGOSY_CO_CHECK(co_await follow_presence());
  ARGOSY_CO_TRY(std::size_t acted, co_await take_newcomers(now));
  ARGOSY_CO_TRY(auto records, co_await db_.transact<ListActiveRollouts>());
  forget_all_but(records);
  std::optional<Error> first_error;
  for (const auto& record : records) {
    if (waits_for_its_plan(record)) continue;
    if (!asked_for && !record.told_up_to && Clock::now() < looks_[record.id].rests_until) continue;
    auto moved = co_await tick_one(record, now);
    if (moved) acted += *moved ? 1 : 0;
    if (!moved && !first_error) first_error = std::move(moved).error().within("rollout " + std::to_string(record.id));
  }
  if (first_error) co_return std::move(*first_error);
  co_return acted;
}

Task<Result<std::size_t>> RolloutService::measure(Instant now) {
  ARGOSY_CO_TRY(auto records, co_await db_.transact<ListActiveRollouts>());
  std::size_t looks = 0;
  for (const auto& record : records) {
    if (record.state != RolloutState::running || record.policy.guards.empty() || !is_due(record.id, now)) continue;
    if (record.planning) continue;  // its panel is drawn from all of its devices
    const auto began = Clock::now();
    const auto outcome = co_await db_.transact<LookAtGuards>(record.id, now);
    if (is_away(outcome)) co_return outcome.error();
    const bool unfinished = outcome && outcome->unfinished;
    auto& measuring = measurings_[record.id];
    measuring.at = unfinished ? std::nullopt : std::optional(now);
    measuring.rests_until = rest_after(began);
    looks += outcome && outcome->looked ? 1 : 0;
    ARGOSY_CO_CHECK(co_await tell_measuring(record, error_of(outcome), now));
  }
  if (looks > 0) wake();
  co_return looks;
}

Task<Result<void>> RolloutService::follow_presence() {
  for (int round = 0; round < options_.rounds; ++round) {
    ARGOSY_CO_TRY(const auto followed, co_await db_.transact<FollowPresence>(followed_at_once));
    if (followed < followed_at_once) break;
  }
  co_return Result<void>{};
}

Task<Result<std::size_t>> RolloutService::take_newcomers(Instant now) {
  std::size_t acted = 0;
  for (int round = 0; round < options_.rounds; ++round) {
    ARGOSY_CO_TRY(const auto taken, co_await db_.transact<TakeNewcomers>(newcomers_at_once, now));
    if (taken.acted) acted = 1;
    if (!taken.unfinished) break;
  }
  co_return acted;
}

void RolloutService::wake() {
  due_ = true;
  if (wake_) wake_();
}

// From the end of something that began then.
RolloutService::Clock::time_point RolloutService::rest_after(Clock::time_point began) const {
  const auto end = Clock::now();
  return end + std::chrono::duration_cast<Clock::duration>((end - began) * (1 / options_.busy_share - 1));
}

bool RolloutService::is_due(std::int64_t rollout, Instant now) const {
  const auto found = measurings_.find(rollout);
  if (found == measurings_.end()) return true;
  const auto& measuring = found->second;
  if (Clock::now() < measuring.rests_until) return false;
  return !measuring.at || now - *measuring.at >= options_.guard_interval;
}

Task<Result<void>> RolloutService::tell_measuring(RolloutRecord record, std::string why, Instant now) {
  if (record.guards_unmeasured.empty() == why.empty()) co_return Result<void>{};
  ARGOSY_CO_CHECK(co_await db_.transact<LogMeasuring>(record.id, std::move(why), now));
  wake();
  co_return Result<void>{};
}

// With what costs a look at its devices; without it when that look fails, for a screen must not hide the rollout.
Task<Result<RolloutDetails>> RolloutService::show(RolloutRecord record, Instant now) {
  auto details = co_await db_.transact<GetRolloutDetails>(record.id, now);
  if (details) co_return std::move(*details);
  if (record.fault.empty()) record.fault = "its devices cannot be looked at: " + details.error().message;
  co_return RolloutDetails{std::move(record), {}, ""};
}

void RolloutService::forget_all_but(const std::vector<RolloutRecord>& records) {
  std::map<std::int64_t, Measuring> kept;
  std::map<std::int64_t, Look> kept_looks;
  for (const auto& record : records) {
    auto found = measurings_.extract(record.id);
    if (found) kept.insert(std::move(found));
    auto look = looks_.extract(record.id);
    if (look) kept_looks.insert(std::move(look));
  }
  measurings_ = std::move(kept);
  looks_ = std::move(kept_looks);
}

Task<Result<bool>> RolloutService::tick_one(RolloutRecord record, Instant now) {
  const auto began = Clock::now();
  const auto began_at = wall_clock_now();  // devices are revoked by the database's clock, whatever `now` is
  const auto last_look = looks_[record.id].at;
  const auto revoked_since = last_look ? std::optional(*last_look - revocation_overlap) : std::nullopt;
  bool acted = false;
  for (int round = 0; round < options_.rounds; ++round) {
    ARGOSY_CO_TRY(auto advance, co_await db_.transact<AdvanceRollout>(record.id, revoked_since, now));
    acted |= advance.acted;
    if (!advance.wanted.empty()) {
      auto asked = co_await patches_.want(std::move(advance.wanted));
      if (!asked) co_return std::move(asked).error().within("asking for patches");
    } else if (!advance.acted) {
      break;
    }
  }
  auto& look = looks_[record.id];
  look.at = began_at;
  if (!acted) look.rests_until = rest_after(began);
  co_return acted;
}

}  // namespace argosy::server

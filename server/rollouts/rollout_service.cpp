#include "server/rollouts/rollout_service.hpp"

#include <algorithm>
#include <utility>

#include "common/base/random.hpp"
#include "server/db/db_pool.hpp"
#include "server/models/patch_service.hpp"
#include "server/rollouts/guards/guard_store.hpp"
#include "server/rollouts/store/advance_store.hpp"
#include "server/rollouts/store/operate_store.hpp"
#include "server/rollouts/store/report_store.hpp"
#include "server/rollouts/store/rollout_store.hpp"

namespace argosy::server {
namespace {

// Two clocks, and a transaction that takes its time: a revocation is looked for a little into the past.
constexpr std::chrono::minutes revocation_overlap{5};

std::uint64_t new_seed() {
  std::uint64_t seed = 0;
  for (const auto byte : secure_random(8)) seed = seed << 8 | byte;
  return seed;
}

std::vector<Verdict> verdicts(const Policy& policy, const std::vector<GuardInput>& inputs) {
  std::vector<Verdict> list;
  for (std::size_t i = 0; i < std::min(policy.guards.size(), inputs.size()); ++i)
    list.push_back(judge(policy.guards[i], inputs[i]).verdict);
  return list;
}

}  // namespace

RolloutService::RolloutService(DbPool& db, PatchService& patches, RolloutOptions options)
    : db_(db), patches_(patches), options_(options) {}

Task<Result<RolloutRecord>> RolloutService::create(NewRollout rollout, std::string actor, Instant now) {
  rollout.seed = new_seed();
  ARGOSY_CO_TRY(auto filter, parse_filter(rollout.filter));
  co_return co_await db_.transact<CreateRollout>(std::move(rollout), std::move(filter), std::move(actor), now);
}

Task<Result<RolloutDetails>> RolloutService::get(std::int64_t id, Instant now) {
  ARGOSY_CO_TRY(auto record, co_await db_.transact<GetRollout>(id));
  auto guards = co_await guards_of(record, now);
  co_return co_await show(std::move(record), std::move(guards), now);
}

Task<Result<RolloutPage<RolloutRecord>>> RolloutService::list(std::int64_t before, std::size_t limit) {
  return db_.transact<ListRollouts>(before, limit);
}

Task<Result<RolloutPage<RolloutDeviceRecord>>> RolloutService::devices(std::int64_t id, std::string key,
                                                                       std::string after, std::size_t limit) {
  return db_.transact<ListRolloutDevices>(id, std::move(key), std::move(after), limit);
}

Task<Result<RolloutPage<DecisionRecord>>> RolloutService::decisions(std::int64_t id, std::int64_t before,
                                                                    std::size_t limit) {
  return db_.transact<ListDecisions>(id, before, limit);
}

Task<Result<RolloutDetails>> RolloutService::operate(OperatorCall call, Instant now) {
  const bool stops =
      call.operation == Operation::pause || call.operation == Operation::halt || call.operation == Operation::rollback;
  ARGOSY_CO_TRY(auto record, co_await db_.transact<GetRollout>(call.rollout));
  std::vector<GuardInput> guards;
  if (stops) {
    guards = last_measured(record).inputs;  // a stop waits for no measurement
  } else {
    guards = co_await guards_of(record, now);
  }
  ARGOSY_CO_TRY(auto operated, co_await db_.transact<OperateRollout>(std::move(call), guards, now));
  wake();
  co_return co_await show(std::move(operated), std::move(guards), now);
}

Task<Result<std::size_t>> RolloutService::take_reports(std::vector<wire::DeviceState> states, Instant now) {
  if (states.empty()) co_return std::size_t{0};
  auto moved = co_await db_.transact<TakeDeviceReports>(std::move(states), now);
  if (moved && *moved > 0) wake();
  co_return moved;
}

Task<Result<std::size_t>> RolloutService::tick(Instant now) {
  const bool asked_for = std::exchange(due_, false);
  ARGOSY_CO_TRY(auto records, co_await db_.transact<ListActiveRollouts>());
  forget_all_but(records);
  std::size_t acted = 0;
  std::optional<Error> first_error;
  for (const auto& record : records) {
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
  std::size_t measured = 0;
  bool changed = false;  // a verdict
  for (const auto& record : records) {
    if (record.state != RolloutState::running || record.policy.guards.empty() || is_fresh(record, now)) continue;
    const auto before = last_verdicts(record);
    const auto guards = co_await guards_of(record, now);
    ++measured;
    changed |= verdicts(record.policy, guards) != before;
    ARGOSY_CO_CHECK(co_await tell_measuring(record.id, why_unmeasured(guards), now));
  }
  if (changed) wake();
  co_return measured;
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

bool RolloutService::is_fresh(const RolloutRecord& record, Instant now) const {
  const auto found = measured_.find(record.id);
  if (found == measured_.end() || found->second.etag != record.etag) return false;
  return now - found->second.at < options_.guard_interval || Clock::now() < found->second.rests_until;
}

Guards RolloutService::last_measured(const RolloutRecord& record) const {
  const auto found = measured_.find(record.id);
  if (found != measured_.end() && found->second.etag == record.etag) return {found->second.inputs, record.etag};
  return {about_to_be_measured(record.policy), record.etag};
}

// Not in the coroutine: g++ 12 destroys a temporary twice there when a part of it is passed by reference.
std::vector<Verdict> RolloutService::last_verdicts(const RolloutRecord& record) const {
  return verdicts(record.policy, last_measured(record).inputs);
}

Task<std::vector<GuardInput>> RolloutService::guards_of(RolloutRecord record, Instant now) {
  if (is_fresh(record, now)) co_return measured_[record.id].inputs;
  const auto id = record.id;
  const auto etag = record.etag;
  const auto policy = record.policy;
  const auto began = Clock::now();
  auto inputs = co_await db_.transact<MeasureGuards>(std::move(record));
  if (!inputs) inputs = unmeasured(policy, inputs.error().message);
  auto& measured = measured_[id];
  measured.inputs = *inputs;
  measured.at = now;
  measured.etag = etag;
  measured.rests_until = rest_after(began);
  co_return std::move(*inputs);
}

Task<Result<void>> RolloutService::tell_measuring(std::int64_t id, std::string why, Instant now) {
  if (measured_[id].told_unmeasured == !why.empty()) co_return Result<void>{};
  ARGOSY_CO_CHECK(co_await db_.transact<LogMeasuring>(id, why, now));
  measured_[id].told_unmeasured = !why.empty();
  co_return Result<void>{};
}

// With what costs a look at its devices; without it when that look fails, for a screen must not hide the rollout.
Task<Result<RolloutDetails>> RolloutService::show(RolloutRecord record, std::vector<GuardInput> guards, Instant now) {
  auto details = co_await db_.transact<GetRolloutDetails>(record.id, std::move(guards), now);
  if (details) co_return std::move(*details);
  if (record.fault.empty()) record.fault = "its devices cannot be looked at: " + details.error().message;
  co_return RolloutDetails{std::move(record), {}, ""};
}

void RolloutService::forget_all_but(const std::vector<RolloutRecord>& records) {
  std::map<std::int64_t, Measured> kept;
  std::map<std::int64_t, Look> kept_looks;
  for (const auto& record : records) {
    auto found = measured_.extract(record.id);
    if (found) kept.insert(std::move(found));
    auto look = looks_.extract(record.id);
    if (look) kept_looks.insert(std::move(look));
  }
  measured_ = std::move(kept);
  looks_ = std::move(kept_looks);
}

Task<Result<bool>> RolloutService::tick_one(RolloutRecord record, Instant now) {
  const auto began = Clock::now();
  const auto began_at = wall_clock_now();  // devices are revoked by the database's clock, whatever `now` is
  const auto last_look = looks_[record.id].at;
  const auto revoked_since = last_look ? std::optional(*last_look - revocation_overlap) : std::nullopt;
  bool acted = false;
  for (int round = 0; round < options_.rounds; ++round) {
    ARGOSY_CO_TRY(auto advance,
                  co_await db_.transact<AdvanceRollout>(record.id, last_measured(record), revoked_since, now));
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

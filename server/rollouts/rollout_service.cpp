#include "server/rollouts/rollout_service.hpp"

#include <map>
#include <optional>
#include <utility>

#include "common/base/random.hpp"
#include "server/models/patch_service.hpp"

namespace argosy::server {
namespace {

std::uint64_t new_seed() {
  std::uint64_t seed = 0;
  for (const auto byte : secure_random(8)) seed = seed << 8 | byte;
  return seed;
}

class Rollouts final : public RolloutService {
 public:
  Rollouts(DbPool& db, PatchService& patches, RolloutOptions options)
      : store_(db), patches_(patches), options_(options) {}

  Task<Result<RolloutRecord>> create(NewRollout rollout, std::string actor, Instant now) override {
    rollout.seed = new_seed();
    auto made = store_.create(std::move(rollout), std::move(actor), now);
    co_return co_await std::move(made);
  }

  Task<Result<RolloutDetails>> get(std::int64_t id, Instant now) override {
    auto asked = store_.get(id);
    auto record = co_await std::move(asked);
    if (!record) co_return record.error();
    auto measuring = guards_of(std::move(*record), now);
    auto guards = co_await std::move(measuring);
    if (!guards) co_return guards.error();
    auto details = store_.details(id, std::move(*guards), now);
    co_return co_await std::move(details);
  }

  Task<Result<RolloutPage<RolloutRecord>>> list(std::int64_t before, std::size_t limit) override {
    return store_.list(before, limit);
  }
  Task<Result<RolloutPage<RolloutDeviceRecord>>> devices(std::int64_t id, std::string key, std::string after,
                                                         std::size_t limit) override {
    return store_.devices(id, std::move(key), std::move(after), limit);
  }
  Task<Result<RolloutPage<DecisionRecord>>> decisions(std::int64_t id, std::int64_t before,
                                                      std::size_t limit) override {
    return store_.decisions(id, before, limit);
  }

  Task<Result<RolloutDetails>> operate(OperatorCall call, Instant now) override {
    const auto id = call.rollout;
    auto asked = store_.get(id);
    auto record = co_await std::move(asked);
    if (!record) co_return record.error();
    auto measuring = guards_of(std::move(*record), now);
    auto guards = co_await std::move(measuring);
    if (!guards) co_return guards.error();
    auto operating = store_.operate(std::move(call), *guards, now);
    auto operated = co_await std::move(operating);
    if (!operated) co_return operated.error();
    wake();
    auto details = store_.details(id, std::move(*guards), now);
    co_return co_await std::move(details);
  }

  Task<Result<std::size_t>> take_reports(std::vector<wire::DeviceState> states, Instant now) override {
    if (states.empty()) co_return std::size_t{0};
    auto taking = store_.take_reports(std::move(states), now);
    auto moved = co_await std::move(taking);
    if (moved && *moved > 0) wake();
    co_return moved;
  }

  Task<Result<std::size_t>> tick(Instant now) override {
    auto asked = store_.active();
    auto records = co_await std::move(asked);
    if (!records) co_return records.error();
    forget_all_but(*records);
    std::size_t acted = 0;
    std::optional<Error> first_error;
    for (auto& record : *records) {
      auto moving = tick_one(std::move(record), now);
      auto moved = co_await std::move(moving);
      if (moved) acted += *moved ? 1 : 0;
      if (!moved && !first_error) first_error = std::move(moved).error();
    }
    if (first_error) co_return std::move(*first_error);
    co_return acted;
  }

  void on_due(std::function<void()> wake) override { wake_ = std::move(wake); }

 private:
  struct Measured {
    std::vector<GuardInput> inputs;
    Instant at{};
    std::int64_t etag = 0;
  };

  void wake() {
    if (wake_) wake_();
  }

  Task<Result<std::vector<GuardInput>>> guards_of(RolloutRecord record, Instant now) {
    const auto id = record.id;
    const auto etag = record.etag;
    const auto found = measured_.find(id);
    const bool fresh =
        found != measured_.end() && found->second.etag == etag && now - found->second.at < options_.guard_interval;
    if (fresh) co_return found->second.inputs;
    auto measuring = store_.measure(std::move(record));
    auto inputs = co_await std::move(measuring);
    if (!inputs) co_return inputs.error();
    measured_[id] = {*inputs, now, etag};
    co_return inputs;
  }

  void forget_all_but(const std::vector<RolloutRecord>& records) {
    std::map<std::int64_t, Measured> kept;
    for (const auto& record : records) {
      auto found = measured_.extract(record.id);
      if (found) kept.insert(std::move(found));
    }
    measured_ = std::move(kept);
  }

  Task<Result<bool>> tick_one(RolloutRecord record, Instant now) {
    const auto id = record.id;
    std::vector<GuardInput> guards;
    if (record.state == RolloutState::running) {
      auto measuring = guards_of(std::move(record), now);
      auto inputs = co_await std::move(measuring);
      if (!inputs) co_return inputs.error();
      guards = std::move(*inputs);
    }
    bool acted = false;
    for (int round = 0; round < options_.rounds; ++round) {
      auto advancing = store_.advance(id, guards, now);
      auto advance = co_await std::move(advancing);
      if (!advance) co_return advance.error();
      acted |= advance->acted;
      if (!advance->wanted.empty()) {
        auto asking = patches_.want(std::move(advance->wanted));
        auto asked = co_await std::move(asking);
        if (!asked) co_return asked.error();
      } else if (!advance->acted) {
        break;
      }
    }
    co_return acted;
  }

  RolloutStore store_;
  PatchService& patches_;
  RolloutOptions options_;
  std::map<std::int64_t, Measured> measured_;
  std::function<void()> wake_;
};

}  // namespace

std::unique_ptr<RolloutService> create_rollout_service(DbPool& db, PatchService& patches, RolloutOptions options) {
  return std::make_unique<Rollouts>(db, patches, options);
}

}  // namespace argosy::server

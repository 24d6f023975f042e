#include "server/app/leader_work.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <spdlog/spdlog.h>

namespace argosy::server {
namespace {

constexpr Duration upkeep_interval{60'000};
constexpr Duration seal_interval{1'000};
constexpr Duration archive_interval{60'000};
constexpr Duration demand_interval{15'000};
constexpr Duration patch_clearing_interval{300'000};
constexpr Duration fold_interval{1'000};
constexpr Duration recount_interval{3'600'000};

// A tick that counts what it did, as one that does not.
template <class Service>
Task<Result<void>> tick(Service& service, Instant now) {
  ARGOSY_CO_CHECK(co_await service.tick(now));
  co_return Result<void>{};
}

template <class Service>
Loop::Round round_of(Service& service) {
  return [&service](Instant now) { return tick(service, now); };
}

Task<Result<void>> fold_counts(DeviceService& devices) {
  ARGOSY_CO_CHECK(co_await devices.fold_counts());
  co_return Result<void>{};
}

Task<Result<void>> recount(DeviceService& devices) {
  ARGOSY_CO_TRY(const std::size_t wrong, co_await devices.recount());
  if (wrong > 0) spdlog::warn("{} counts of the fleet were wrong and are right now", wrong);
  co_return Result<void>{};
}

}  // namespace

struct LeaderWork::Term {
  Term(boost::asio::any_io_executor fenced, const LoopObserver& observe)
      : executor(std::move(fenced)), loops(executor, observe) {}
  boost::asio::any_io_executor executor;
  Loops loops;
  std::unique_ptr<RolloutDriver> driver;

  void request_stop() {
    loops.request_stop();
    driver->request_stop();
  }
};

void LeaderWork::start(Fence fence) {
  if (term_) return;
  spdlog::info("this instance leads");
  parts_.presence.watch_from(wall_clock_now());
  term_ = std::make_shared<Term>(FencedExecutor(io_, fence), observe_);
  start_loops();
  if (parts_.mqtt != nullptr) parts_.mqtt->start();
}

void LeaderWork::start_loops() {
  Loops& loops = term_->loops;
  const auto every = [](const char* name, Duration interval) {
    return LoopOptions{.name = name, .interval = interval};
  };
  loops.add(every("telemetry upkeep", upkeep_interval), round_of(parts_.telemetry));
  loops.add(every("access upkeep", upkeep_interval), round_of(parts_.access));
  loops.add(every("sealing the audit log", seal_interval),
            [&audit = parts_.audit](Instant now) { return audit.seal(now); });
  loops.add(every("archiving the audit log", archive_interval),
            [&audit = parts_.audit](Instant) { return audit.archive(); });
  loops.add(every("retention", upkeep_interval), round_of(parts_.retention));
  loops.add(every("presence", rhythm_.presence), round_of(parts_.presence));
  loops.add(every("fleet counts", fold_interval),
            [&devices = parts_.devices](Instant) { return fold_counts(devices); });
  loops.add(every("recount of the fleet", recount_interval),
            [&devices = parts_.devices](Instant) { return recount(devices); });
  loops.add(every("drift", rhythm_.drift), round_of(parts_.drift));
  loops.add(every("alerts", rhythm_.alerts), round_of(parts_.alerts));
  loops.add(every("demand for patches", demand_interval),
            [&patches = parts_.patches](Instant now) { return patches.count_demand(now); });
  loops.add(every("clearing patches", patch_clearing_interval),
            [&patches = parts_.patches](Instant now) { return patches.clear(now); });
  term_->driver = std::make_unique<RolloutDriver>(
      term_->executor, parts_.rollouts, parts_.desired,
      [this](std::string topic, std::string payload) { return publish(std::move(topic), std::move(payload)); },
      RolloutDriver::Options{.interval = rhythm_.rollouts, .observe = observe_});
}

void LeaderWork::stop() {
  const auto term = std::exchange(term_, nullptr);
  if (!term) return;
  spdlog::info("this instance does not lead any more");
  term->request_stop();
  ending_ = term;
  boost::asio::co_spawn(io_, end(term), boost::asio::detached);
  if (parts_.mqtt != nullptr) parts_.mqtt->stop();
}

Task<void> LeaderWork::end(std::shared_ptr<Term> term) {
  co_await term->driver->stop();
  co_await term->loops.stop();
}

Task<void> LeaderWork::ended() {
  const auto term = ending_.lock();
  if (!term) co_return;
  co_await end(term);
}

void LeaderWork::broker_is_back() {
  parts_.presence.watch_from(wall_clock_now());
  parts_.desired.republish_all();
  if (term_) term_->driver->wake_publishing();
}

Task<Result<void>> LeaderWork::publish(std::string topic, std::string payload) {
  if (parts_.mqtt == nullptr) co_return Result<void>{};  // without a broker, devices ask
  co_return co_await parts_.mqtt->publish(std::move(topic), std::move(payload), true);
}

}  // namespace argosy::server

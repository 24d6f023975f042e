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

// A tick that counts what it did, as one that does not.
template <class Service>
Task<Result<void>> tick(Service& service, Instant now) {
  auto ticking = service.tick(now);
  const auto outcome = co_await std::move(ticking);
  if (!outcome) co_return outcome.error();
  co_return Result<void>{};
}

template <class Service>
Periodic::Tick tick_of(Service& service) {
  return [&service](Instant now) { return tick(service, now); };
}

Task<void> make_all_due(DesiredService& desired) {
  auto making = desired.republish_all();
  const auto made = co_await std::move(making);
  if (!made) spdlog::warn("publishing all desired documents again: {}", made.error().message);
}

}  // namespace

void LeaderWork::start() {
  if (std::exchange(leading_, true)) return;
  spdlog::info("this instance leads");
  parts_.presence.watch_from(wall_clock_now());
  periodic_ = std::make_unique<Periodic>(io_);
  periodic_->every("telemetry upkeep", upkeep_interval, tick_of(parts_.telemetry));
  periodic_->every("access upkeep", upkeep_interval, tick_of(parts_.access));
  periodic_->every("sealing the audit log", seal_interval,
                   [&audit = parts_.audit](Instant now) { return audit.seal(now); });
  periodic_->every("archiving the audit log", archive_interval,
                   [&audit = parts_.audit](Instant) { return audit.archive(); });
  periodic_->every("presence", rhythm_.presence, tick_of(parts_.presence));
  periodic_->every("drift", rhythm_.drift, tick_of(parts_.drift));
  periodic_->every("alerts", rhythm_.alerts, tick_of(parts_.alerts));
  periodic_->every("demand for patches", demand_interval,
                   [&patches = parts_.patches](Instant now) { return patches.count_demand(now); });
  periodic_->every("clearing patches", patch_clearing_interval,
                   [&patches = parts_.patches](Instant now) { return patches.clear(now); });
  start_driver();
  if (parts_.mqtt != nullptr) parts_.mqtt->start();
}

void LeaderWork::start_driver() {
  driver_ = std::make_shared<RolloutDriver>(
      io_, parts_.rollouts, parts_.desired,
      [this](std::string topic, std::string payload) { return publish(std::move(topic), std::move(payload)); },
      [this](const Error& error) { driver_errors_.report(error); },
      RolloutDriver::Options{.interval = rhythm_.rollouts});
  parts_.rollouts.on_due([weak = std::weak_ptr(driver_)] {
    if (const auto driver = weak.lock()) driver->wake();
  });
  boost::asio::co_spawn(io_, driver_->run(), [driver = driver_](const std::exception_ptr&) {});
}

void LeaderWork::stop() {
  if (!std::exchange(leading_, false)) return;
  spdlog::info("this instance does not lead any more");
  periodic_.reset();
  driver_->stop();
  driver_.reset();
  if (parts_.mqtt != nullptr) parts_.mqtt->stop();
}

void LeaderWork::broker_is_back() {
  parts_.presence.watch_from(wall_clock_now());
  boost::asio::co_spawn(io_, make_all_due(parts_.desired), boost::asio::detached);
}

Task<Result<void>> LeaderWork::publish(std::string topic, std::string payload) {
  if (parts_.mqtt == nullptr) co_return Result<void>{};  // without a broker, devices ask
  auto publishing = parts_.mqtt->publish(std::move(topic), std::move(payload), true);
  auto outcome = co_await std::move(publishing);
  co_return outcome;
}

}  // namespace argosy::server

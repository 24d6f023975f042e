#include "server/app/parts/leader_parts.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <spdlog/spdlog.h>

#include "server/app/part_options.hpp"
#include "server/db/advisory_locks.hpp"

namespace argosy::server {

LeaderParts::LeaderParts(Platform& platform, UpkeepParts& upkeep, BrokerParts& broker, DeviceParts& devices,
                         RolloutParts& rollouts)
    : work(platform.io, {rollouts.desired, devices.presence, rollouts.rollouts, broker.lead.get()},
           Duration{platform.config.rollouts_tick_ms}, loop_observer(platform.metrics)),
      platform_(platform),
      quarantine_(upkeep.quarantine) {
  broker.on_connected([this] { work.broker_is_back(); });
}

void LeaderParts::start() {
  lock_ = std::make_unique<SessionLock>(platform_.io, leader_lock_options(platform_.config), [this](bool held) {
    holds_lock_ = held;
    if (!held) return work.stop();
    boost::asio::co_spawn(platform_.io, take_lead(*this), boost::asio::detached);
  });
}

// The one that led before may have died with a message in hand: that is known before the broker sends it to us.
Task<void> LeaderParts::take_lead(LeaderParts& parts) {
  const auto remembered = co_await parts.quarantine_.load(wall_clock_now());
  if (!remembered) spdlog::warn("reading the quarantine: {}", remembered.error().message);
  if (parts.holds_lock_ && parts.lock_) parts.work.start({advisory_lock::leader, parts.lock_->fence()});
}

void LeaderParts::request_stop() {
  holds_lock_ = false;
  lock_.reset();
  work.stop();
}

void LeaderParts::add_figures(Metrics& metrics) {
  add_metrics(metrics, work);
}

}  // namespace argosy::server

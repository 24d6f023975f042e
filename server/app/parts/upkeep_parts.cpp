#include "server/app/parts/upkeep_parts.hpp"

#include <chrono>

#include "server/app/leader_work.hpp"
#include "server/app/part_options.hpp"
#include "server/base/round_of.hpp"
#include "server/quarantine/quarantine_api.hpp"

namespace argosy::server {

using namespace std::chrono_literals;

UpkeepParts::UpkeepParts(Platform& platform)
    : quarantine(platform.db, quarantine_options(platform.config)),
      retention(platform.db, retention_options(platform.config)),
      platform_(platform) {}

void UpkeepParts::start() {
  loop_ = std::make_unique<Loop>(
      platform_.io, LoopOptions{.name = "quarantine", .interval = 2s, .observe = loop_observer(platform_.metrics)},
      round_of<&QuarantineService::tick>(quarantine));
}

Task<void> UpkeepParts::stop() {
  if (loop_) co_await loop_->stop();
}

void UpkeepParts::add_jobs(LeaderWork& leader) {
  leader.every("retention", 60s, round_of<&RetentionService::tick>(retention));
}

void UpkeepParts::add_routes(Router& router) {
  add_quarantine_routes(router, quarantine);
}

void UpkeepParts::add_figures(Metrics& metrics) {
  add_metrics(metrics, quarantine);
  add_metrics(metrics, retention);
}

}  // namespace argosy::server

#include "server/app/parts/notice_parts.hpp"

#include <chrono>

#include "server/app/part_options.hpp"
#include "server/base/round_of.hpp"
#include "server/events/event_api.hpp"
#include "server/notify/notify_api.hpp"

namespace argosy::server {

using namespace std::chrono_literals;

NoticeParts::NoticeParts(Platform& platform, LeaderParts& leader)
    : events(platform.io, platform.db, {.observe = loop_observer(platform.metrics)}),
      notify(platform.io, platform.db, platform.worker, notify_options(platform.config)),
      platform_(platform),
      leader_(leader) {}

void NoticeParts::add_jobs(LeaderWork& leader) {
  leader.every("notifications", Duration{platform_.config.notify_tick_ms}, round_of<&NotifyService::tick>(notify));
  leader.every("alerts told again", 60s, round_of<&NotifyService::refresh_alertmanagers>(notify));
}

void NoticeParts::add_routes(Router& router) {
  add_event_routes(router, events);
  add_notify_routes(router, notify);
}

void NoticeParts::add_figures(Metrics& metrics) {
  add_metrics(metrics, notify, [this] { return leader_.leading(); });
}

}  // namespace argosy::server

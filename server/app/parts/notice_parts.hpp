// What people and other systems hear of: the stream of events, and messages by way of their routes. On the I/O thread.
#pragma once

#include "server/app/parts/capability.hpp"
#include "server/app/parts/leader_parts.hpp"
#include "server/app/parts/platform.hpp"
#include "server/events/event_service.hpp"
#include "server/notify/notify_service.hpp"

namespace argosy::server {

class NoticeParts : public Capability {
 public:
  NoticeParts(Platform& platform, LeaderParts& leader);

  EventService events;
  NotifyService notify;

  void start() { events.start(); }
  void request_stop() { events.stop(); }

  void add_jobs(LeaderWork& leader) override;
  void add_routes(Router& router) override;
  void add_figures(Metrics& metrics) override;

 private:
  Platform& platform_;
  LeaderParts& leader_;
};

}  // namespace argosy::server

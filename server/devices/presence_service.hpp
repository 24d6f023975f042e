// The only writer of presence. The leader alone ticks it; wills are kept in memory, since a lost one only means the
// ordinary wait. Coroutines on the I/O thread.
#pragma once

#include <cstddef>
#include <memory>

#include "common/wire/state.hpp"
#include "server/devices/presence.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

class DbPool;

struct PresenceOptions {
  PresenceRule rule;
  double time_scale = 1;  // below 1: every interval is that much shorter, for demonstrations
  std::size_t will_limit = 100'000;
};

class PresenceService {
 public:
  virtual ~PresenceService() = default;

  // A will is a suspicion, not a verdict: it shortens the wait unless the device has spoken since.
  virtual void take_will(const wire::LastWill& will, Instant now) = 0;
  // Call when judging begins and whenever the broker is back: silence before `now` counts against nobody.
  virtual void watch_from(Instant now) = 0;
  // Judges every device whose verdict may change and writes what did, with an event `device.presence` for each; answers
  // how many. Call about once a second.
  virtual Task<Result<std::size_t>> tick(Instant now) = 0;
};

std::unique_ptr<PresenceService> create_presence_service(DbPool& db, PresenceOptions options = {});

}  // namespace argosy::server

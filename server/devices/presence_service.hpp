// The only writer of presence. The leader alone ticks it. Each device has a time at which its verdict may change
// (presence_checks.check_at: when it will be late, or offline; at once when one is heard that is not online), so a tick
// looks at those that are due, the longest due first, for no longer than its budget. Wills wait in memory, a few
// thousand at most: a lost one only means the ordinary wait. Coroutines on the I/O thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/state.hpp"
#include "server/base/task.hpp"
#include "server/devices/presence.hpp"

namespace argosy::server {

class DbPool;

struct PresenceOptions {
  PresenceRule rule;
  double time_scale = 1;  // below 1: every interval is that much shorter, for demonstrations
  std::size_t will_limit = 20'000;
  std::size_t slice = 1000;  // devices in one transaction
  Duration budget{500};      // for one tick; the next one goes on
};

struct PresenceFigures {
  std::uint64_t judged = 0;         // devices, since the start
  std::uint64_t dropped_wills = 0;  // more than could wait
  Duration longest_wait{};          // of a device that was due, at the last tick
};

class PresenceService {
 public:
  virtual ~PresenceService() = default;

  // A will is a suspicion, not a verdict: it shortens the wait unless the device has spoken since.
  virtual void take_will(const wire::LastWill& will, Instant now) = 0;
  // Call when judging begins and whenever the broker is back: silence before `now` counts against nobody.
  virtual void watch_from(Instant now) = 0;
  // Judges the devices that are due and writes what changed, with an event `device.presence` for each; answers how
  // many. Call about once a second.
  virtual Task<Result<std::size_t>> tick(Instant now) = 0;
  virtual PresenceFigures figures() const = 0;
};

std::unique_ptr<PresenceService> create_presence_service(DbPool& db, PresenceOptions options = {});

}  // namespace argosy::server

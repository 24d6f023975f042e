// The only writer of presence. The leader alone ticks it. Each device has a time at which its verdict may change
// (presence_checks.check_at: when it will be late, or offline; at once when one is heard that is not online), so a tick
// looks at those that are due, the longest due first, for no longer than its budget. Wills wait in memory, a few
// thousand at most: a lost one only means the ordinary wait. What changes is kept as spans of time, and counted by
// site, in the same transaction (connectivity.hpp). Coroutines on the I/O thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/state.hpp"
#include "server/base/task.hpp"
#include "server/devices/connectivity_counts.hpp"
#include "server/devices/presence.hpp"

namespace argosy::server {

class DbPool;
class Metrics;

struct PresenceOptions {
  PresenceRule rule;
  IntermittentRule intermittent;
  std::string site_label = "site";  // whose value is a device's site
  Duration longest_pause{30'000};   // between two ticks; of a longer one nothing is known
  double time_scale = 1;            // below 1: every interval is that much shorter, for demonstrations
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
  explicit PresenceService(DbPool& db, PresenceOptions options = {});

  // A will is a suspicion, not a verdict: it shortens the wait unless the device has spoken since.
  void take_will(const wire::LastWill& will, Instant now);
  // Call when judging begins and whenever the broker is back: silence before `now` counts against nobody.
  void watch_from(Instant now);
  // While it answers that devices cannot be heard, silence counts against nobody either.
  void watch_while(std::function<bool()> can_hear) { can_hear_ = std::move(can_hear); }
  // Judges the devices that are due and writes what changed, with an event `device.presence` for each; answers how
  // many. Call about once a second.
  Task<Result<std::size_t>> tick(Instant now);
  PresenceFigures figures() const { return figures_; }

 private:
  using Clock = std::chrono::steady_clock;
  // As many as go into one transaction.
  std::vector<Suspicion> take_wills();
  Task<Result<void>> count_sites(SiteCounting counting, Instant now, Clock::time_point until);

  DbPool& db_;
  PresenceOptions options_;
  PresenceFigures figures_;
  Instant watching_since_{};
  std::function<bool()> can_hear_;
  std::unordered_map<std::string, Suspicion> wills_;  // by device
};

void add_metrics(Metrics& metrics, const PresenceService& presence);

}  // namespace argosy::server

// Diagnostics: people and rules ask a device for them, the leader passes the question on over the live link, and the
// device answers by HTTPS, to whichever instance. Coroutines on the I/O thread; the SQL runs on the pool's threads.
//
// Bounded: one question a device waits at a time, diagnostics_wait at most; diagnostics_kept of a device are kept, of
// at most 64 KiB each.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "common/base/instant.hpp"
#include "common/base/random.hpp"
#include "server/base/task.hpp"
#include "server/devices/diagnostics.hpp"

namespace argosy::server {

class DbPool;

class DiagnosticsService {
 public:
  // Passes the question on over the live link; it may get lost, and is asked again.
  using Ask = std::function<void(const DiagnosticsQuestion& question)>;

  DiagnosticsService(DbPool& db, std::uint64_t seed) : db_(db), rng_(seed) {}
  void use(Ask ask) { ask_ = std::move(ask); }  // before the first tick

  // The one that waits, where one does. Errc::not_found, and conflict of a device that was revoked.
  Task<Result<DeviceDiagnostics>> ask(DeviceId device, std::string reason, std::string actor, Instant now);
  // A reaction of a rule; it ends in the transaction that asks.
  Task<Result<void>> ask_for_reaction(std::int64_t reaction, Instant now);
  // Newest first, without their documents.
  Task<Result<std::vector<DeviceDiagnostics>>> list(DeviceId device);
  Task<Result<DeviceDiagnostics>> get(DeviceId device, std::int64_t id);
  // What the device answers. Errc::invalid_argument, forbidden of another device's, not_found of what nobody asked.
  Task<Result<void>> take(DeviceId from, std::string document, Instant now);

  // The leader's: passes on what is due, and gives up what waited too long. How many were passed on.
  Task<Result<std::size_t>> tick(Instant now);

 private:
  DbPool& db_;
  Rng rng_;
  Ask ask_;
};

}  // namespace argosy::server

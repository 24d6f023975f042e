// Packs what is over and adds it up, by hours and by days: the leader's, in slices, for no longer than its budget at a
// time, so that ingest and readers always have the other half of the time. What a leader leaves unfinished, the next
// one goes on with. Coroutines on the I/O thread; the SQL and the packing run on a DB thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

class DbPool;
class Metrics;

struct PackingOptions {
  std::size_t slice = 10'000;       // windows, or rows of hours, in a transaction
  Duration budget{2'000};           // for one tick
  std::chrono::hours days_rest{2};  // a day is added up so long after its end
  Duration again_after{60'000};     // a table that somebody reads is asked for again
};

struct PackingFigures {
  std::uint64_t windows = 0;     // packed since the start
  std::uint64_t unreadable = 0;  // of these, where figures were corrupt
  std::uint64_t days = 0;        // of a device, model and version, added up since the start
  std::int64_t waiting = 0;      // tables that are over and not packed: hours, and one of what came late
};

class PackingService {
 public:
  explicit PackingService(DbPool& db, PackingOptions options = {}) : db_(db), options_(options) {}

  // A day that is begun first, then what waits to be packed, then the days that are over.
  Task<Result<void>> tick(Instant now);
  const PackingFigures& figures() const { return figures_; }

 private:
  using Clock = std::chrono::steady_clock;

  Task<Result<bool>> pack_next(Instant now);  // false: nothing waits
  Task<Result<void>> drop_packed(std::string table, Instant now);

  DbPool& db_;
  PackingOptions options_;
  PackingFigures figures_;
  std::map<std::string, Instant> held_;  // packed whole and read by somebody, a backup say: since when
};

void add_metrics(Metrics& metrics, const PackingService& packing);

}  // namespace argosy::server

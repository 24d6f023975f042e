// The watch that drift and alerts keep, each with a list of its own: hears of windows, sweeps for those that other
// instances heard, and has the pairs judged in short transactions until the time of a tick is used up. A pair whose
// rows cannot be judged is found by halving its batch, and set aside. Coroutines on the I/O thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/base/task.hpp"
#include "server/telemetry/telemetry.hpp"
#include "server/telemetry/watch.hpp"

namespace argosy::server {

class DbPool;
class Metrics;

struct WatchOptions {
  std::string name;  // for the log
  WatchLimits limits{};
  Duration budget{600};                   // of a tick
  std::size_t batch = 400;                // pairs in a transaction
  std::size_t set_aside_per_tick = 16;    // more than these, and it is not the fault of their rows
  Duration longest_look{24 * 3'600'000};  // after a start: whoever was seen since
  Duration sweep_interval{60'000};        // a round over all devices takes at least so long,
  std::size_t slice = 2000;               // and goes over so many in a tick
  std::size_t enough = 5000;              // pairs that wait, and the first sweep after a start goes no faster
};

struct WatchFigures {
  Duration oldest_wait{0};
  std::size_t waiting = 0;
  WatchList::Counters counters;
};

// What a transaction did to a batch.
struct Judged {
  std::size_t moved = 0;                // verdicts
  std::vector<std::size_t> unfinished;  // places in the batch: pairs of which there is more to judge
};

class Watch {
 public:
  Watch(DbPool& db, WatchOptions options) : db_(db), options_(std::move(options)), list_(options_.limits) {}

  // A listener of the telemetry service.
  void take(const std::vector<StoredWindow>& windows, Instant now);
  WatchFigures figures(Instant now) const { return {list_.oldest_wait(now), list_.waiting(), list_.counters()}; }

  // `make` turns a batch into a functor for DbPool::transact that answers Judged. Answers the verdicts that moved; on
  // an error of the database, the pairs are where they were. Defined in watch_tick.hpp.
  template <class Make>
  Task<Result<std::size_t>> tick(Make make, Instant now);
  // How many pairs were judged in the last tick.
  std::size_t judged_in_tick() const { return judged_in_tick_; }

 private:
  using Batch = std::vector<DuePair>;

  Task<Result<void>> sweep(Instant now);
  void finish(Batch batch, const Judged& judged, Instant now);
  // Whether it is the batch's rows that failed, and not the database.
  static bool is_of_the_rows(const Error& error);
  void set_aside(const DuePair& due, const Error& error, Instant now);
  void give_back(std::vector<Batch> batches);

  DbPool& db_;
  WatchOptions options_;
  WatchList list_;
  std::string swept_to_;        // the device at which the sweep stands
  bool has_swept_all_ = false;  // once since the start
  std::optional<Instant> round_began_;
  std::optional<Instant> previous_round_;
  std::size_t judged_in_tick_ = 0;
};

// Whether every (device, model) gets its turn, of the one who judges; the wait is told by the instance that leads
// alone.
void add_watch_metrics(Metrics& metrics, const std::string& judge, std::function<WatchFigures(Instant)> figures,
                       std::function<bool()> leading);

}  // namespace argosy::server

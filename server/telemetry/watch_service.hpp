// The watch that drift and alerts keep, each with a list of its own: hears of windows, sweeps for those that nobody
// told of, and has the pairs judged until the time of a tick is used up: from what is remembered of them, without a
// statement, or else by asking the database, in short transactions. What moved, and what was not written for long, is
// written many pairs together. A pair whose rows cannot be judged is found by halving its batch, and set aside.
// Coroutines on the I/O thread; what is remembered is bounded in bytes.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
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
  Duration budget{600};                     // of a tick
  std::size_t batch = 400;                  // pairs in a transaction
  std::size_t set_aside_per_tick = 16;      // more than these, and it is not the fault of their rows
  Duration longest_look{24 * 3'600'000};    // after a start: whoever was seen since
  Duration sweep_interval{3'600'000};       // a round over all devices takes at least so long,
  std::size_t slice = 2000;                 // and goes over so many in a tick,
  std::size_t later_slice = 200;            // or so many once it was all round: it finds next to nothing then
  std::size_t enough = 5000;                // pairs that wait, and the first sweep after a start goes no faster
  std::size_t memory_bytes = 128ULL << 20;  // of what is remembered
  Duration write_every{600'000};            // what is remembered of a pair, when nothing of it moves
};

struct WatchFigures {
  Duration oldest_wait{0};
  std::size_t waiting = 0;
  WatchList::Counters counters;
  std::size_t remembered = 0;  // pairs
  std::size_t bytes = 0;
  std::uint64_t asked = 0;    // judgements for which the database was asked
  std::uint64_t written = 0;  // memories
};

// What a transaction did to a batch.
struct Judged {
  std::size_t moved = 0;                // verdicts
  std::vector<std::size_t> unfinished;  // places in the batch: pairs of which there is more to judge
};

// What became of the pairs that were to be written.
struct WrittenPairs {
  std::size_t moved = 0;              // verdicts
  std::vector<std::size_t> outdated;  // places: the database says otherwise, and is to be asked
};

// What follows from what is remembered of a pair.
enum class Turn : std::uint8_t { done, to_write, ask_database };

class Watch {
 public:
  // Adds a window, or a sample of health, to what is remembered of its pair.
  using Learn = std::function<void(const TakenWindow& window, PairMemory& memory)>;
  using LearnHealth = std::function<void(const TakenHealth& health, PairMemory& memory)>;

  Watch(DbPool& db, WatchOptions options) : db_(db), options_(std::move(options)), list_(options_.limits) {}

  // For a listener of the telemetry service.
  void take(const std::vector<TakenWindow>& windows, Instant now, const Learn& learn);
  // Of the device as a whole, which is a pair of the model "".
  void take(const std::vector<TakenHealth>& health, Instant now, const LearnHealth& learn);
  // Windows that another instance stored.
  void take(const std::vector<UnheardPair>& pairs, Instant now);
  // It is not known whether something of these devices was stored.
  void doubt(const std::set<std::string>& devices, Instant now) { list_.doubt(devices, now); }
  void forget_devices(const std::set<std::string>& devices) { list_.forget_devices(devices); }
  void forget_all() { list_.forget_all(); }
  // What the sweep is to find; models, unless this is called.
  void look_for(WatchedKinds kinds) { kinds_ = kinds; }
  PairMemory* memory_of(const WatchedPair& pair) { return list_.memory_of(pair); }
  WatchFigures figures(Instant now) const;

  // A Judge keeps what it has to write until it is asked for it; on the I/O thread:
  //   Turn judge(const DuePair&, Instant now)                 from due.memory, which is sure
  //   void add_to_write(const WatchedPair&, PairMemory&)      without a verdict
  //   writing(Instant now)                                    what was added, for DbPool::transact, answers
  //   WrittenPairs asking(std::vector<DuePair>, Instant now)               for DbPool::transact; its answer has a
  //   Judged `judged` std::unique_ptr<PairMemory> memory_of(answer, place)    what is to be remembered; null: nothing
  // Answers the verdicts that moved; on an error of the database, the pairs are where they were. In watch_tick.hpp.
  template <class Judge>
  Task<Result<std::size_t>> tick(Judge& judge, Instant now);
  // Writes what was learned, until `budget` is used up: the next one to lead has less to read.
  template <class Judge>
  Task<Result<void>> write_all(Judge& judge, Instant now, Duration budget);
  // How many pairs were judged in the last tick.
  std::size_t judged_in_tick() const { return judged_in_tick_; }
  void visit_all(const std::function<void(const WatchedPair&, PairMemory&)>& visit) const { list_.visit_all(visit); }

 private:
  using Batch = std::vector<DuePair>;
  using Pairs = std::vector<WatchedPair>;

  // What is remembered of it, if it is to learn what began then; else none.
  PairMemory* hear(const WatchedPair& pair, Instant started_at, Instant now);
  void begin_term(std::optional<std::int64_t> term);
  void hear_those_ahead(Instant now);
  Task<Result<void>> sweep(Instant now);
  template <class Judge>
  Batch judge_remembered(Judge& judge, Batch batch, Instant now);  // answers those for whom to ask
  template <class Judge>
  Task<Result<void>> write(Judge& judge, Instant now);
  template <class Judge>
  Task<Result<void>> ask(Judge& judge, Batch batch, Instant now);
  template <class Judge>
  Task<void> make_room(Judge& judge, Instant now);
  template <class Judge, class Answer>
  void finish(Judge& judge, Batch batch, Answer& answer, Instant now);
  void finish_writing(Batch batch, const WrittenPairs& written, Instant now);
  void is_written(PairMemory& memory, Instant now);
  void remember(const WatchedPair& pair, std::unique_ptr<PairMemory> memory, Instant now);
  // Whether it is the batch's rows that failed, and not the database.
  static bool is_of_the_rows(const Error& error);
  void set_aside(const DuePair& due, const Error& error, Instant now);
  void give_back(std::vector<Batch> batches);
  void ask_about(Batch batch);  // what is remembered of them is forgotten

  DbPool& db_;
  WatchOptions options_;
  WatchList list_;
  WatchedKinds kinds_;
  Batch to_write_;  // in hands until that is done
  std::multimap<Instant, WatchedPair> ahead_;
  std::optional<std::int64_t> term_;  // of leading
  std::string swept_to_;              // the device at which the sweep stands
  bool has_swept_all_ = false;        // once since the start
  std::optional<Instant> round_began_;
  std::optional<Instant> previous_round_;
  std::size_t judged_in_tick_ = 0;
  std::size_t set_aside_in_tick_ = 0;
  std::size_t moved_in_tick_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t written_ = 0;
};

// Whether every (device, model) gets its turn, of the one who judges; the wait is told by the instance that leads
// alone.
void add_watch_metrics(Metrics& metrics, const std::string& judge, std::function<WatchFigures(Instant)> figures,
                       std::function<bool()> leading);

}  // namespace argosy::server

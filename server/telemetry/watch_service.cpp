#include "server/telemetry/watch_service.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/telemetry/watch_store.hpp"

namespace argosy::server {

namespace {

// What was committed some time after it was marked as seen is found by the round after that, and clocks differ.
constexpr Duration sweep_overlap{10'000};
constexpr std::chrono::milliseconds first_sweep_budget{100};  // of a tick
constexpr std::size_t ahead_limit = 10'000;                   // windows that devices date ahead

}  // namespace

PairMemory* Watch::hear(const WatchedPair& pair, Instant started_at, Instant now) {
  if (started_at >= now + judged_ahead) {
    if (ahead_.size() < ahead_limit) ahead_.emplace(started_at, pair);
    return nullptr;
  }
  PairMemory* memory = list_.heard(pair, started_at, now);
  if (memory == nullptr || !memory->is_sure) return nullptr;
  // Between two ticks nobody leaves: what does not fit is read when the pair is due.
  memory->is_sure = list_.bytes() < options_.memory_bytes + options_.memory_bytes / 8;
  return memory->is_sure ? memory : nullptr;
}

void Watch::take(const std::vector<TakenWindow>& windows, Instant now, const Learn& learn) {
  for (const auto& window : windows) {
    PairMemory* memory = hear({window.device, window.model}, window.started_at, now);
    if (memory == nullptr) continue;
    learn(window, *memory);
    list_.weigh(*memory);
  }
}

void Watch::take(const std::vector<TakenHealth>& health, Instant now, const LearnHealth& learn) {
  for (const auto& sample : health) {
    PairMemory* memory = hear({sample.device, ""}, sample.at, now);
    if (memory == nullptr) continue;
    learn(sample, *memory);
    list_.weigh(*memory);
  }
}

void Watch::take(const std::vector<UnheardPair>& pairs, Instant now) {
  for (const auto& [device, model, earliest] : pairs) list_.heard_of({device, model}, earliest, now);
}

// Those that began too far ahead to be judged when they came.
void Watch::hear_those_ahead(Instant now) {
  while (!ahead_.empty() && ahead_.begin()->first < now + judged_ahead) {
    list_.heard_of(ahead_.begin()->second, ahead_.begin()->first, now);
    ahead_.erase(ahead_.begin());
  }
}

// While another instance led, windows came of which nothing was heard here.
void Watch::begin_term(std::optional<std::int64_t> term) {
  if (term == term_) return;
  term_ = term;
  list_.forget_all();
  swept_to_.clear();
  has_swept_all_ = false;
  round_began_.reset();
  previous_round_.reset();
}

// One slice a tick; after a start several, so that the list fills soon, but not with more than is judged soon.
Task<Result<void>> Watch::sweep(Instant now) {
  if (previous_round_ && !round_began_ && now - *previous_round_ < options_.sweep_interval) co_return Result<void>{};
  const auto began = std::chrono::steady_clock::now();
  do {
    if (!round_began_) round_began_ = now;
    const Instant since = previous_round_ ? *previous_round_ - sweep_overlap : now - options_.longest_look;
    const std::size_t devices = has_swept_all_ ? options_.later_slice : options_.slice;
    const auto slice = co_await db_.transact<FindSeen>(swept_to_, devices, since, kinds_);
    if (!slice) co_return slice.error();
    for (const auto& [pair, seen_at] : slice->pairs) list_.seen(pair, seen_at, now);
    swept_to_ = slice->last_device;
    if (slice->devices < devices) {  // all round
      swept_to_.clear();
      if (previous_round_) list_.forget_idle(*previous_round_ - options_.limits.interval, now);
      previous_round_ = *std::exchange(round_began_, std::nullopt);
      has_swept_all_ = true;
    }
  } while (!has_swept_all_ && list_.waiting() < options_.enough &&
           std::chrono::steady_clock::now() - began < first_sweep_budget);
  co_return Result<void>{};
}

// The first time at any moment of the interval, so that all of them are spread evenly over it.
void Watch::remember(const WatchedPair& pair, std::unique_ptr<PairMemory> memory, Instant now) {
  list_.forget(pair);
  if (!memory) return;
  const auto spread =
      std::hash<std::string>{}(pair.device) % static_cast<std::size_t>(options_.write_every.count() + 1);
  memory->write_at = now + Duration{static_cast<std::int64_t>(spread)};
  list_.remember(pair, std::move(memory));
}

void Watch::is_written(PairMemory& memory, Instant now) {
  memory.is_dirty = false;
  memory.write_at = now + options_.write_every;
  ++written_;
}

void Watch::finish_writing(Batch batch, const WrittenPairs& written, Instant now) {
  moved_in_tick_ += written.moved;
  const std::set<std::size_t> outdated(written.outdated.begin(), written.outdated.end());
  Batch unknown;
  for (std::size_t place = 0; place < batch.size(); ++place) {
    if (outdated.contains(place)) {
      unknown.push_back(std::move(batch[place]));
      continue;
    }
    is_written(*batch[place].memory, now);
    list_.judged_from_memory(batch[place], now);
  }
  ask_about(std::move(unknown));
}

void Watch::ask_about(Batch batch) {
  for (auto& due : batch) {
    list_.forget(due.pair);
    list_.give_back(std::move(due));
  }
}

WatchFigures Watch::figures(Instant now) const {
  return {list_.oldest_wait(now), list_.waiting(), list_.counters(), list_.remembered(),
          list_.bytes(),          asked_,          written_};
}

bool Watch::is_of_the_rows(const Error& error) {
  return error.code != Errc::unavailable && error.code != Errc::out_of_space;
}

void Watch::set_aside(const DuePair& due, const Error& error, Instant now) {
  spdlog::warn("{}: {} of {} cannot be judged and is tried again later: {}: {}", options_.name, due.pair.model,
               due.pair.device, slug(error.code), error.message);
  list_.set_aside(due, now);
}

void Watch::give_back(std::vector<Batch> batches) {
  for (auto& batch : batches) {
    for (auto& due : batch) list_.give_back(std::move(due));
  }
}

void add_watch_metrics(Metrics& metrics, const std::string& judge, std::function<WatchFigures(Instant)> figures,
                       std::function<bool()> leading) {
  const MetricLabels labels{{"judge", judge}};
  const auto figures_now = [figures = std::move(figures)] { return figures(wall_clock_now()); };
  metrics.sampled_gauge(
      "argosy_watch_oldest_wait_seconds", "How long the (device, model) that is due longest has waited",
      [figures_now, leading] {
        return leading() ? std::chrono::duration<double>(figures_now().oldest_wait).count() : 0.0;
      },
      labels);
  metrics.sampled_gauge(
      "argosy_watch_waiting", "(device, model) pairs that wait to be judged",
      [figures_now, leading] { return leading() ? figures_now().waiting : 0; }, labels);
  metrics.sampled_counter(
      "argosy_watch_judged_total", "Judgements of a (device, model)",
      [figures_now] { return figures_now().counters.judged; }, labels);
  metrics.sampled_counter(
      "argosy_watch_set_aside_total",
      "Judgements that failed on the rows of one (device, model), which is tried again later",
      [figures_now] { return figures_now().counters.set_aside; }, labels);
  metrics.sampled_counter(
      "argosy_watch_refused_total", "(device, model) pairs over the limit of the watch list",
      [figures_now] { return figures_now().counters.refused; }, labels);
  metrics.sampled_counter(
      "argosy_watch_asked_total", "Judgements for which the database was asked",
      [figures_now] { return figures_now().asked; }, labels);
  metrics.sampled_counter(
      "argosy_watch_written_total", "Times that what is remembered of a (device, model) was written",
      [figures_now] { return figures_now().written; }, labels);
  metrics.sampled_gauge(
      "argosy_watch_remembered", "(device, model) pairs that are judged from memory",
      [figures_now] { return figures_now().remembered; }, labels);
  metrics.sampled_gauge(
      "argosy_watch_remembered_bytes", "Memory of the (device, model) pairs that are judged from it",
      [figures_now] { return figures_now().bytes; }, labels);
}

}  // namespace argosy::server

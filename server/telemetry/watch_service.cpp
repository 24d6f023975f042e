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

}  // namespace

void Watch::take(const std::vector<StoredWindow>& windows, Instant now) {
  for (const auto& window : windows) list_.heard({window.device, window.model}, window.started_at, now);
}

// One slice a tick; after a start several, so that the list fills soon, but not with more than is judged soon.
Task<Result<void>> Watch::sweep(Instant now) {
  if (previous_round_ && !round_began_ && now - *previous_round_ < options_.sweep_interval) co_return Result<void>{};
  const auto began = std::chrono::steady_clock::now();
  do {
    if (!round_began_) round_began_ = now;
    const Instant since = previous_round_ ? *previous_round_ - sweep_overlap : now - options_.longest_look;
    const auto slice = co_await db_.transact<FindSeen>(swept_to_, options_.slice, since);
    if (!slice) co_return slice.error();
    for (const auto& [pair, seen_at] : slice->pairs) list_.seen(pair, seen_at, now);
    swept_to_ = slice->last_device;
    if (slice->devices < options_.slice) {  // all round
      swept_to_.clear();
      if (previous_round_) list_.forget_idle(*previous_round_ - options_.limits.interval);
      previous_round_ = *std::exchange(round_began_, std::nullopt);
      has_swept_all_ = true;
    }
  } while (!has_swept_all_ && list_.waiting() < options_.enough &&
           std::chrono::steady_clock::now() - began < first_sweep_budget);
  co_return Result<void>{};
}

void Watch::finish(Batch batch, const Judged& judged, Instant now) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const bool has_more = std::find(judged.unfinished.begin(), judged.unfinished.end(), i) != judged.unfinished.end();
    if (has_more) {
      list_.judge_again(std::move(batch[i]), now);
    } else {
      list_.judged(batch[i], now);
    }
  }
  judged_in_tick_ += batch.size();
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
}

}  // namespace argosy::server

#include "server/devices/presence_service.hpp"

#include <algorithm>
#include <chrono>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/devices/presence_store.hpp"

namespace argosy::server {

namespace {

Duration scaled(Duration duration, double scale) {
  return std::max(Duration{1}, Duration{static_cast<Duration::rep>(static_cast<double>(duration.count()) * scale)});
}

}  // namespace

PresenceService::PresenceService(DbPool& db, PresenceOptions options) : db_(db), options_(options) {
  options_.rule.shortest_interval = scaled(options_.rule.shortest_interval, options_.time_scale);
}

void PresenceService::take_will(const wire::LastWill& will, Instant now) {
  const auto known = wills_.find(will.device);
  if (known == wills_.end() && wills_.size() >= options_.will_limit) {
    ++figures_.dropped_wills;
    return;
  }
  if (known != wills_.end() && known->second.nonce > will.nonce) return;
  wills_.insert_or_assign(will.device, Suspicion{will.device, will.nonce, now, will.goodbye});
}

void PresenceService::watch_from(Instant now) {
  watching_since_ = std::max(watching_since_, now);
}

Task<Result<std::size_t>> PresenceService::tick(Instant now) {
  const auto until = Clock::now() + options_.budget;
  const bool is_watching = !can_hear_ || can_hear_();
  watching_since_ = is_watching ? std::min(watching_since_, now) : now;
  ARGOSY_CO_TRY(
      const PresenceWatch watch,
      co_await db_.transact<KeepWatch>(is_watching, watching_since_, options_.longest_pause, options_.site_label, now));
  watch_from(watch.since);
  const SiteCounting counting{options_.site_label};
  if (!wills_.empty()) {
    ARGOSY_CO_CHECK(co_await db_.transact<SuspectDevices>(take_wills()));
  }
  std::size_t changed = 0;
  for (bool is_first = true;; is_first = false) {
    const PresenceSlice slice{options_.rule,       options_.intermittent,
                              options_.time_scale, watching_since_,
                              options_.slice,      counting,
                              watch.counted,       now};
    ARGOSY_CO_TRY(const PresenceJudged judged, co_await db_.transact<JudgeDue>(slice));
    if (is_first) figures_.longest_wait = judged.oldest ? now - *judged.oldest : Duration{0};
    figures_.judged += judged.settled;
    changed += judged.changed;
    const bool is_done = judged.due < options_.slice || judged.settled == 0;
    if (is_done || Clock::now() >= until) break;
  }
  ARGOSY_CO_CHECK(co_await count_sites(counting, watch.counted, until));
  ARGOSY_CO_CHECK(co_await db_.transact<EndIntermittent>(now, options_.slice));
  co_return changed;
}

// What others changed - labels, revocations - and hours that are over.
Task<Result<void>> PresenceService::count_sites(SiteCounting counting, Instant now, Clock::time_point until) {
  while (true) {
    ARGOSY_CO_TRY(const std::size_t counted, co_await db_.transact<CountDevices>(counting, now));
    if (counted < counting.limit || Clock::now() >= until) co_return Result<void>{};
  }
}

std::vector<Suspicion> PresenceService::take_wills() {
  std::vector<Suspicion> taken;
  while (!wills_.empty() && taken.size() < options_.slice)
    taken.push_back(std::move(wills_.extract(wills_.begin()).mapped()));
  return taken;
}

void add_metrics(Metrics& metrics, const PresenceService& presence) {
  metrics.sampled_counter("argosy_presence_judged_total", "Devices that were due and judged",
                          [&presence] { return presence.figures().judged; });
  metrics.sampled_counter("argosy_presence_wills_dropped_total",
                          "Broken connections that were not looked at: too many at once",
                          [&presence] { return presence.figures().dropped_wills; });
  metrics.sampled_gauge("argosy_presence_longest_wait_seconds", "How long the device that was due longest had waited",
                        [&presence] { return std::chrono::duration<double>(presence.figures().longest_wait).count(); });
}

}  // namespace argosy::server

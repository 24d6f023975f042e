#include "server/telemetry/watch.hpp"

#include <algorithm>

namespace argosy::server {

namespace {

std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace

bool WatchList::has_room_for(const std::string& device) const {
  if (pairs_.size() >= limits_.limit) return false;
  std::size_t models = 0;
  for (auto at = pairs_.lower_bound({device, {}}); at != pairs_.end() && at->first.device == device; ++at) {
    if (++models >= limits_.device_limit) return false;
  }
  return true;
}

WatchList::Pairs::iterator WatchList::find_or_add(const WatchedPair& pair) {
  const auto at = pairs_.find(pair);
  if (at != pairs_.end()) return at;
  if (has_room_for(pair.device)) return pairs_.try_emplace(pair).first;
  ++counters_.refused;
  return pairs_.end();
}

void WatchList::enqueue(Pairs::iterator at, Place place) {
  at->second.place = place;
  queue_.emplace(place, at);
}

void WatchList::make_due(Pairs::iterator at, Instant now) {
  const auto& judged_at = at->second.judged_at;
  enqueue(at, {judged_at ? std::max(now, *judged_at + limits_.interval) : now, next_++});
}

void WatchList::has_news(Pairs::iterator at, Instant now) {
  Entry& entry = at->second;
  if (entry.in_hands) entry.heard_again = true;
  if (!entry.in_hands && !entry.place) make_due(at, now);
}

void WatchList::heard(const WatchedPair& pair, std::optional<Instant> window, Instant now) {
  const auto at = find_or_add(pair);
  if (at == pairs_.end()) return;
  Entry& entry = at->second;
  entry.earliest = earlier(entry.earliest, window);
  entry.newest_sign = std::max(entry.newest_sign, std::optional(now));
  has_news(at, now);
}

void WatchList::seen(const WatchedPair& pair, Instant seen_at, Instant now) {
  const auto at = find_or_add(pair);
  if (at == pairs_.end()) return;
  Entry& entry = at->second;
  if (entry.newest_sign && seen_at <= *entry.newest_sign) return;
  entry.newest_sign = seen_at;
  if (entry.judged_at && seen_at + limits_.commit_lag < *entry.judged_at) return;
  has_news(at, now);
}

std::vector<DuePair> WatchList::take(std::size_t most, Instant now) {
  std::vector<DuePair> taken;
  while (taken.size() < most && !queue_.empty() && queue_.begin()->first.first <= now) {
    const auto [place, at] = *queue_.begin();
    queue_.erase(queue_.begin());
    Entry& entry = at->second;
    taken.push_back({at->first, place.first, place.second, std::exchange(entry.earliest, std::nullopt)});
    entry.place.reset();
    entry.in_hands = true;
    entry.heard_again = false;
  }
  return taken;
}

void WatchList::judged(const DuePair& due, Instant now) {
  const auto at = pairs_.find(due.pair);
  if (at == pairs_.end()) return;
  Entry& entry = at->second;
  entry.in_hands = false;
  entry.judged_at = now;
  entry.failures = 0;
  ++counters_.judged;
  if (std::exchange(entry.heard_again, false)) make_due(at, now);
}

void WatchList::give_back(DuePair due) {
  const auto at = pairs_.find(due.pair);
  if (at == pairs_.end()) return;
  at->second.in_hands = false;
  at->second.earliest = earlier(at->second.earliest, due.earliest);
  enqueue(at, {due.due_at, due.order});
}

void WatchList::judge_again(DuePair due, Instant now) {
  due.due_at = now;
  due.order = next_++;
  due.earliest.reset();
  give_back(std::move(due));
}

void WatchList::set_aside(const DuePair& due, Instant now) {
  const auto at = pairs_.find(due.pair);
  if (at == pairs_.end()) return;
  Entry& entry = at->second;
  ++counters_.set_aside;
  const auto doublings = std::min<std::uint32_t>(entry.failures++, 16);
  entry.in_hands = false;
  entry.earliest = earlier(entry.earliest, due.earliest);
  enqueue(at, {now + std::min(limits_.set_aside * (1 << doublings), limits_.set_aside_most), next_++});
}

void WatchList::forget_idle(Instant before) {
  std::erase_if(pairs_, [&](const auto& known) {
    const Entry& entry = known.second;
    return !entry.place && !entry.in_hands && entry.judged_at && *entry.judged_at < before;
  });
}

Duration WatchList::oldest_wait(Instant now) const {
  if (queue_.empty()) return Duration{0};
  return std::max(Duration{0}, now - queue_.begin()->first.first);
}

}  // namespace argosy::server

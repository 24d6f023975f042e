#include "server/telemetry/watch.hpp"

#include <algorithm>

namespace argosy::server {

void RecencyLine::add(PairMemory& memory) {
  memory.older_ = newest_;
  memory.newer_ = nullptr;
  (newest_ != nullptr ? newest_->newer_ : oldest_) = &memory;
  newest_ = &memory;
}

void RecencyLine::remove(PairMemory& memory) {
  (memory.older_ != nullptr ? memory.older_->newer_ : oldest_) = memory.newer_;
  (memory.newer_ != nullptr ? memory.newer_->older_ : newest_) = memory.older_;
}

std::size_t WatchList::HashOfDevice::operator()(const WatchedPair& pair) const {
  return std::hash<std::string>{}(pair.device);
}

template <class Visit>
void WatchList::visit_pairs_of(const std::set<std::string>& devices, Visit visit) {
  for (const auto& device : devices) {
    const std::size_t bucket = pairs_.bucket({device, ""});
    for (auto at = pairs_.begin(bucket); at != pairs_.end(bucket); ++at)
      if (at->first.device == device) visit(*at);
  }
}

WatchList::Known* WatchList::find_or_add(const WatchedPair& pair) {
  const auto at = pairs_.find(pair);
  if (at != pairs_.end()) return &*at;
  if (pairs_.size() >= limits_.limit) {
    ++counters_.refused;
    return nullptr;
  }
  return &*pairs_.try_emplace(pair).first;
}

void WatchList::enqueue(Known& known, Place place) {
  known.second.place = place;
  queue_.emplace(place, &known);
}

void WatchList::make_due(Known& known, Instant now) {
  const Instant judged_at = known.second.judged_at;
  const bool is_first = judged_at == PairMemory::never;
  enqueue(known, {is_first ? now : std::max(now, judged_at + limits_.interval), next_++});
}

void WatchList::has_news(Known& known, Instant now) {
  Entry& entry = known.second;
  if (entry.in_hands) entry.heard_again = true;
  if (!entry.in_hands && !entry.waits()) make_due(known, now);
}

PairMemory* WatchList::heard(const WatchedPair& pair, std::optional<Instant> window, Instant now) {
  Known* known = find_or_add(pair);
  if (known == nullptr) return nullptr;
  Entry& entry = known->second;
  if (window) entry.earliest = std::min(entry.earliest, *window);
  entry.newest_sign = std::max(entry.newest_sign, now);
  has_news(*known, now);
  if (entry.memory) {
    line_.remove(*entry.memory);
    line_.add(*entry.memory);
  }
  return entry.memory.get();
}

void WatchList::heard_of(const WatchedPair& pair, std::optional<Instant> window, Instant now) {
  if (PairMemory* memory = heard(pair, window, now)) memory->is_sure = false;
}

void WatchList::seen(const WatchedPair& pair, Instant seen_at, Instant now) {
  Known* known = find_or_add(pair);
  if (known == nullptr) return;
  Entry& entry = known->second;
  if (seen_at <= entry.newest_sign) return;
  entry.newest_sign = seen_at;
  if (entry.asked_at != PairMemory::never && seen_at + limits_.commit_lag < entry.asked_at) return;
  if (entry.memory) entry.memory->is_sure = false;
  has_news(*known, now);
}

void WatchList::doubt(const std::set<std::string>& devices, Instant now) {
  visit_pairs_of(devices, [&](Known& known) {
    if (known.second.memory) known.second.memory->is_sure = false;
    has_news(known, now);
  });
}

std::optional<Instant> WatchList::earliest_of(Entry& entry) {
  const Instant earliest = std::exchange(entry.earliest, Instant::max());
  return earliest == Instant::max() ? std::nullopt : std::optional(earliest);
}

std::vector<DuePair> WatchList::take(std::size_t most, Instant now) {
  std::vector<DuePair> taken;
  while (taken.size() < most && !queue_.empty() && queue_.begin()->first.first <= now) {
    const auto [place, known] = *queue_.begin();
    queue_.erase(queue_.begin());
    Entry& entry = known->second;
    taken.push_back({known->first, place.first, place.second, earliest_of(entry), entry.memory.get()});
    entry.place = {PairMemory::never, 0};
    entry.in_hands = true;
    entry.heard_again = false;
  }
  return taken;
}

void WatchList::done(const DuePair& due, Instant now, bool was_asked) {
  const auto at = pairs_.find(due.pair);
  if (at == pairs_.end()) return;
  Entry& entry = at->second;
  entry.in_hands = false;
  entry.judged_at = now;
  if (was_asked) entry.asked_at = now;
  entry.failures = 0;
  ++counters_.judged;
  if (!std::exchange(entry.heard_again, false)) return;
  const bool has_missed_some = was_asked && entry.memory && !entry.memory->is_sure;
  if (!has_missed_some) return make_due(*at, now);
  enqueue(*at, {now + std::min(limits_.again, limits_.interval), next_++});
}

void WatchList::judged(const DuePair& due, Instant now) {
  done(due, now, true);
}

void WatchList::judged_from_memory(const DuePair& due, Instant now) {
  done(due, now, false);
}

void WatchList::give_back(DuePair due) {
  const auto at = pairs_.find(due.pair);
  if (at == pairs_.end()) return;
  at->second.in_hands = false;
  if (due.earliest) at->second.earliest = std::min(at->second.earliest, *due.earliest);
  enqueue(*at, {due.due_at, due.order});
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
  if (due.earliest) entry.earliest = std::min(entry.earliest, *due.earliest);
  enqueue(*at, {now + std::min(limits_.set_aside * (1 << doublings), limits_.set_aside_most), next_++});
}

void WatchList::weigh(PairMemory& memory) {
  const std::size_t bytes = memory.bytes();
  bytes_ = bytes_ - memory.counted_ + bytes;
  memory.counted_ = bytes;
}

void WatchList::drop_memory(Entry& entry) {
  if (!entry.memory) return;
  line_.remove(*entry.memory);
  bytes_ -= entry.memory->counted_;
  --remembered_;
  entry.memory.reset();
}

void WatchList::remember(const WatchedPair& pair, std::unique_ptr<PairMemory> memory) {
  const auto at = pairs_.find(pair);
  if (at == pairs_.end()) return;
  drop_memory(at->second);
  if (at->second.heard_again) memory->is_sure = false;
  memory->pair_ = &at->first;
  line_.add(*memory);
  weigh(*memory);
  ++remembered_;
  at->second.memory = std::move(memory);
}

PairMemory* WatchList::memory_of(const WatchedPair& pair) {
  const auto at = pairs_.find(pair);
  return at != pairs_.end() ? at->second.memory.get() : nullptr;
}

void WatchList::forget(const WatchedPair& pair) {
  const auto at = pairs_.find(pair);
  if (at != pairs_.end()) drop_memory(at->second);
}

void WatchList::forget_devices(const std::set<std::string>& devices) {
  visit_pairs_of(devices, [this](Known& known) { drop_memory(known.second); });
}

void WatchList::forget_all() {
  for (auto& [pair, entry] : pairs_) drop_memory(entry);
}

void WatchList::visit_oldest(const std::function<bool(const WatchedPair&, PairMemory&)>& visit) {
  for (PairMemory* at = line_.oldest(); at != nullptr; at = RecencyLine::newer_than(*at)) {
    if (!pairs_.at(*at->pair_).in_hands && !visit(*at->pair_, *at)) return;
  }
}

void WatchList::visit_all(const std::function<void(const WatchedPair&, PairMemory&)>& visit) const {
  for (PairMemory* at = line_.oldest(); at != nullptr; at = RecencyLine::newer_than(*at)) visit(*at->pair_, *at);
}

WatchList::Pairs::iterator WatchList::drop(Pairs::iterator at) {
  drop_memory(at->second);
  return pairs_.erase(at);
}

void WatchList::forget_idle(Instant before, Instant now) {
  for (auto at = pairs_.begin(); at != pairs_.end();) {
    Entry& entry = at->second;
    const bool is_idle =
        !entry.waits() && !entry.in_hands && entry.judged_at != PairMemory::never && entry.judged_at < before;
    if (!is_idle) {
      ++at;
    } else if (entry.memory && entry.memory->is_dirty) {
      entry.memory->write_at = now;
      make_due(*at, now);
      ++at;
    } else {
      at = drop(at);
    }
  }
}

Duration WatchList::oldest_wait(Instant now) const {
  if (queue_.empty()) return Duration{0};
  return std::max(Duration{0}, now - queue_.begin()->first.first);
}

}  // namespace argosy::server

#include "server/telemetry/stored/rollup.hpp"

#include <algorithm>

namespace argosy::server {

namespace {

void merge_features(std::vector<wire::FeatureCounts>& sum, const std::vector<wire::FeatureCounts>& more) {
  for (const auto& feature : more) {
    const auto known =
        std::find_if(sum.begin(), sum.end(), [&](const wire::FeatureCounts& one) { return one.name == feature.name; });
    if (known == sum.end()) {
      if (sum.size() < rolled_features_limit) sum.push_back(feature);
      continue;
    }
    if (known->counts.size() != feature.counts.size()) continue;
    for (std::size_t bin = 0; bin < feature.counts.size(); ++bin) known->counts[bin] += feature.counts[bin];
  }
}

void merge_classes(wire::Classes& sum, const wire::Classes& more) {
  for (const auto& [label, count] : more)
    if (sum.size() < rolled_classes_limit || sum.contains(label)) sum[label] += count;
}

// A program that makes up names takes no room from what the agent itself knows.
bool has_room_for(const std::string& name, const wire::Numbers& sum) {
  if (wire::is_agents_number(name)) return true;
  const auto of_program =
      std::count_if(sum.begin(), sum.end(), [](const auto& number) { return !wire::is_agents_number(number.first); });
  return static_cast<std::size_t>(of_program) < wire::most_numbers;
}

void merge_numbers(wire::Numbers& sum, const wire::Numbers& more) {
  for (const auto& [name, seen] : more) {
    const auto known = sum.find(name);
    if (known == sum.end()) {
      if (has_room_for(name, sum)) sum.emplace(name, seen);
      continue;
    }
    known->second.merge(seen);
  }
}

}  // namespace

void merge_into(TakenWindow& sum, const TakenWindow& window) {
  sum.ended_at += window.ended_at - window.started_at;
  sum.received_at = std::max(sum.received_at, window.received_at);
  sum.count += window.count;
  sum.errors += window.errors;
  sum.labelled += window.labelled;
  sum.correct += window.correct;
  sum.latency.merge(window.latency);
  merge_features(sum.features, window.features);
  merge_classes(sum.classes, window.classes);
  merge_numbers(sum.numbers, window.numbers);
  sum.confidences.merge(window.confidences);
  sum.entropy.merge(window.entropy);
  wire::merge(sum.tags, window.tags);
}

Instant floor_to(Instant at, Duration width) {
  const auto since = at.time_since_epoch();
  auto rest = since % width;
  if (rest < Duration{0}) rest += width;
  return at - rest;
}

Instant month_of(Instant at) {
  const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(at)};
  return Instant{std::chrono::sys_days{date.year() / date.month() / 1}};
}

void Rollups::add(const TakenWindow& window, std::uint64_t windows) {
  const Instant start = floor_to(window.started_at, width_);
  const auto [place, is_new] = sums_.try_emplace({window.device, window.model, window.version, start});
  auto& [sum, added] = place->second;
  if (is_new) {
    sum.device = window.device;
    sum.model = window.model;
    sum.version = window.version;
    sum.started_at = sum.ended_at = sum.received_at = start;
  }
  merge_into(sum, window);
  added += windows;
}

std::vector<Rollup> Rollups::take() {
  std::vector<Rollup> rollups;
  rollups.reserve(sums_.size());
  for (auto& entry : sums_) rollups.push_back(std::move(entry.second));
  sums_.clear();
  return rollups;
}

}  // namespace argosy::server

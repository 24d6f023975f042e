#include "agent/telemetry/window_accumulator.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace argosy::agent {

WindowAccumulator::Entry* WindowAccumulator::entry(const Key& key, Instant now) {
  const auto found = entries_.find(key);
  if (found != entries_.end()) return &found->second;
  if (entries_.size() >= max_versions && !make_room(false)) return nullptr;
  Entry& fresh = entries_[key];
  fresh.used_at = now;
  return &fresh;
}

WindowAccumulator::Entry* WindowAccumulator::installed_entry(const Key& key, Instant now) {
  if (!entries_.contains(key) && entries_.size() >= max_versions && !make_room(true)) return nullptr;
  Entry* of = entry(key, now);
  of->is_installed = true;
  return of;
}

// A new version pushes out the one that was not used for longest, unless that has counts in the present window; one
// that is installed, whatever a program only named.
bool WindowAccumulator::make_room(bool for_installed) {
  const auto worth = [](const auto& one) {
    return std::tuple(one.second.is_installed, !is_empty(one.second), one.second.used_at);
  };
  const auto least = std::min_element(entries_.begin(), entries_.end(),
                                      [&](const auto& a, const auto& b) { return worth(a) < worth(b); });
  const Entry& gone = least->second;
  if (!is_empty(gone) && (gone.is_installed || !for_installed)) return false;
  dropped_ += gone.count;
  entries_.erase(least);
  return true;
}

void WindowAccumulator::set_features(const std::string& model, const std::string& version,
                                     const std::vector<wire::FeatureReference>& features) {
  Entry* of = installed_entry({model, version}, started_at_);
  if (of == nullptr) return;
  const bool same = std::equal(features.begin(), features.end(), of->features.begin(), of->features.end(),
                               [](const wire::FeatureReference& reference, const Feature& feature) {
                                 return reference.name == feature.name && reference.edges == feature.bins.edges();
                               });
  if (same) return;
  of->features.clear();
  for (const wire::FeatureReference& reference : features)
    if (check_edges(reference.edges)) of->features.push_back({reference.name, BinCounts(reference.edges)});
}

void WindowAccumulator::set_calibration(const std::string& model, const std::string& version,
                                        const Calibration& calibration) {
  if (Entry* of = installed_entry({model, version}, started_at_)) of->calibration = calibration;
}

void WindowAccumulator::count_features(Entry& entry, const Observation& observation, Instant now) {
  if (observation.features.empty() || observation.features.size() != entry.features.size()) return;
  const Duration since = std::chrono::duration_cast<Duration>(now - entry.features_at);
  if (since >= Duration{0} && since < feature_interval_) return;
  entry.features_at = now;
  for (std::size_t i = 0; i < entry.features.size(); ++i) entry.features[i].bins.add(observation.features[i]);
}

void WindowAccumulator::count_numbers(Entry& entry, const Observation& observation) {
  for (const auto& [name, value] : observation.numbers) {
    const auto known = entry.numbers.find(name);
    if (known == entry.numbers.end() && entry.numbers.size() >= wire::most_numbers) {
      ++dropped_numbers_;
      continue;
    }
    entry.numbers[name].add(value);
  }
}

void WindowAccumulator::add(const Observation& observation, const std::string& serving, Instant now) {
  const std::string& version = observation.release.empty() ? serving : observation.release;
  Entry* of = version.empty() ? nullptr : entry({observation.model, version}, now);
  if (of == nullptr) {
    ++dropped_;
    return;
  }
  of->used_at = now;
  ++of->count;
  ++of->probation_count;
  count_numbers(*of, observation);
  for (const auto& [key, value] : observation.tags)
    if (!wire::add_tag(of->tags, key, value)) ++dropped_tags_;
  if (!observation.ok) {
    ++of->errors;
    ++of->probation_errors;
    return;
  }
  const double latency_ms = static_cast<double>(observation.latency_us) / 1000.0;
  of->latency_ms.add(latency_ms);
  of->probation_latency_ms.add(latency_ms);
  if (observation.predicted && (of->classes.size() < max_classes || of->classes.contains(int(*observation.predicted))))
    ++of->classes[static_cast<int>(*observation.predicted)];
  if (observation.predicted && observation.label) {
    ++of->labelled;
    if (*observation.predicted == *observation.label) ++of->correct;
  }
  if (observation.confidence) {
    of->confidences.add(*observation.confidence);
    if (of->calibration && *observation.confidence >= 0 && *observation.confidence <= 1)
      of->estimated_accuracy.add(of->calibration->chance(*observation.confidence));
  }
  if (observation.entropy) of->entropy.add(*observation.entropy);
  count_features(*of, observation, now);
}

void WindowAccumulator::add_late_label(const std::string& model, const std::string& version, bool is_right,
                                       Instant answered_at, Instant now) {
  Entry* of = entry({model, version}, now);
  if (of == nullptr) {
    ++dropped_;
    return;
  }
  if (of->labels_later.count >= wire::most_in_window) return;
  of->labels_later.add(is_right ? 1 : 0);
  of->labels_delay_s.add(std::max(0.0, std::chrono::duration<double>(now - answered_at).count()));
  of->late_answered_at = std::max(of->late_answered_at, std::min(answered_at, now));
}

void WindowAccumulator::add_counts(const std::string& model, const std::string& version, std::uint64_t count,
                                   std::uint64_t errors, const LogHistogram& latency_ms, Instant now) {
  Entry* of = installed_entry({model, version}, now);
  if (of == nullptr) {
    dropped_ += count;
    return;
  }
  of->used_at = now;
  of->count += count;
  of->errors += errors;
  of->latency_ms.merge(latency_ms);
  of->probation_count += count;
  of->probation_errors += errors;
  of->probation_latency_ms.merge(latency_ms);
}

void WindowAccumulator::take_agents_numbers(wire::Numbers& numbers, Entry& entry) {
  const auto take = [&numbers](std::string_view name, wire::NumberSummary& seen) {
    if (seen.count > 0) numbers.emplace(name, std::exchange(seen, {}));
  };
  take(wire::labels_later, entry.labels_later);
  take(wire::labels_delay_s, entry.labels_delay_s);
  take(wire::estimated_accuracy, entry.estimated_accuracy);
}

wire::InferenceWindow WindowAccumulator::window_of(const Key& key, Entry& entry) {
  wire::InferenceWindow window;
  window.model = key.model;
  window.version = key.version;
  window.count = std::min(entry.count, wire::most_in_window);  // a model server's counters may jump
  window.errors = std::min(entry.errors, window.count);
  window.labelled = entry.labelled;
  window.correct = entry.correct;
  const bool is_possible = entry.latency_ms.count() <= wire::most_in_window;
  window.latency = is_possible ? entry.latency_ms.encode() : LogHistogram{}.encode();
  window.classes = std::move(entry.classes);
  for (Feature& feature : entry.features) {
    if (feature.bins.total() == 0) continue;
    window.features.push_back({feature.name, feature.bins.counts()});
    feature.bins.clear();
  }
  std::erase_if(entry.numbers, [](const auto& number) { return number.second.count == 0; });
  window.numbers = entry.numbers;
  for (auto& [name, seen] : entry.numbers) seen = {};
  take_agents_numbers(window.numbers, entry);
  window.confidences = std::exchange(entry.confidences, {});
  window.entropy = std::exchange(entry.entropy, {});
  window.tags = std::exchange(entry.tags, {});
  return window;
}

std::vector<wire::InferenceWindow> WindowAccumulator::close(Instant now) {
  std::vector<wire::InferenceWindow> windows;
  for (auto& [key, entry] : entries_) {
    if (is_empty(entry)) continue;
    wire::InferenceWindow window = window_of(key, entry);
    const bool is_of_labels_alone = entry.count == 0;
    window.started_at = is_of_labels_alone ? entry.late_answered_at
                                           : std::clamp(started_at_, now - Duration(wire::longest_window), now);
    window.ended_at = is_of_labels_alone ? entry.late_answered_at : now;
    entry.late_answered_at = {};
    windows.push_back(std::move(window));
    entry.remembered.push_back(std::move(entry.latency_ms));
    if (entry.remembered.size() > remembered_windows) entry.remembered.pop_front();
    entry.count = entry.errors = entry.labelled = entry.correct = 0;
    entry.latency_ms = {};
    entry.classes.clear();
  }
  started_at_ = now;
  return windows;
}

void WindowAccumulator::shift(Duration by) {
  started_at_ += by;
  for (auto& [key, entry] : entries_)
    for (Instant* at : {&entry.features_at, &entry.used_at, &entry.late_answered_at})
      if (*at != Instant{}) *at += by;
}

Baseline WindowAccumulator::baseline(const std::string& model, const std::string& version) const {
  const auto found = entries_.find({model, version});
  if (found == entries_.end()) return {};
  LogHistogram all = found->second.latency_ms;
  for (const LogHistogram& window : found->second.remembered) all.merge(window);
  return {all.quantile(0.95), all.count()};
}

void WindowAccumulator::begin_probation(const std::string& model, const std::string& version) {
  const auto found = entries_.find({model, version});
  if (found == entries_.end()) return;
  found->second.probation_count = 0;
  found->second.probation_errors = 0;
  found->second.probation_latency_ms = {};
}

ProbationTotals WindowAccumulator::probation_totals(const std::string& model, const std::string& version) const {
  const auto found = entries_.find({model, version});
  if (found == entries_.end()) return {};
  const Entry& entry = found->second;
  return {entry.probation_count, entry.probation_errors, entry.probation_latency_ms.quantile(0.95), false};
}

}  // namespace argosy::agent

#include "server/drift/last_year.hpp"

#include <algorithm>

#include "common/base/random.hpp"
#include "common/stats/bins.hpp"

namespace argosy::server {

namespace {

constexpr Duration one_day{86'400'000};
constexpr std::size_t least_days = 5;

// Windows tell their mean entropy each, days one of them all: no histogram of the former.
bool is_of_days(const JudgedFeature& feature) {
  return feature.reference.name != entropy_feature;
}

bool has_same_bins(const JudgedFeature& feature, const JudgedModel& by) {
  return std::any_of(by.features.begin(), by.features.end(), [&](const JudgedFeature& then) {
    return then.reference.name == feature.reference.name && then.reference.edges == feature.reference.edges;
  });
}

}  // namespace

WeeksBefore weeks_of_last_year(Instant now) {
  const Instant day = std::chrono::floor<std::chrono::days>(now) - 365 * one_day;
  return {day - 7 * one_day, day + 21 * one_day};
}

Instant week_of(Instant at) {
  return std::chrono::floor<std::chrono::weeks>(at);
}

Instant read_last_year_again(const WatchedPair& pair, Instant read_in) {
  const auto part = static_cast<int>(stable_hash(0, pair.device + " " + pair.model) % 10'000);
  return read_in + 7 * one_day + part * (7 * one_day / 10'000);
}

void LastYearSum::add(const TakenWindow& day, const JudgedModel& by, bool is_same_version) {
  auto heard = heard_of(model_, day);
  bool counts = false;
  for (std::size_t place = 0; place < counts_.size(); ++place) {
    const auto& feature = model_.features[place];
    const bool is_input = place < model_.inputs;
    const bool is_comparable = is_input ? has_same_bins(feature, by) : is_same_version && is_of_days(feature);
    if (!is_comparable || total_of(heard.counts[place]) == 0) continue;
    counts = true;
    if (counts_[place].empty()) counts_[place].resize(feature.bins());
    (void)add_counts(counts_[place], heard.counts[place]);
  }
  if (!counts) return;
  covered_ += heard.length;
  days_.push_back(std::chrono::floor<std::chrono::days>(day.started_at));
}

LastYear LastYearSum::take(Instant now) {
  std::sort(days_.begin(), days_.end());
  days_.erase(std::unique(days_.begin(), days_.end()), days_.end());
  if (days_.size() < least_days) return {week_of(now)};
  return {week_of(now), covered_, std::move(counts_)};
}

}  // namespace argosy::server

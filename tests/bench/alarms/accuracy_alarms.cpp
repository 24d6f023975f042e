#include "tests/bench/alarms/accuracy_alarms.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "common/stats/accuracy.hpp"
#include "server/alerts/window_memory.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;
using Random = std::mt19937_64;

constexpr double hours_a_year = 8766;
constexpr double windows_an_hour = 60;

// The share of right answers moves about its mean: its log-odds are an AR(1) that forgets in an hour.
struct Labels {
  double share = 0.945;
  double an_hour = 20;
  double spread = 0.5;  // standard deviation of the log-odds
};

class LabelSource {
 public:
  LabelSource(const Labels& labels, Random& random)
      : labels_(labels), random_(random), middle_(middle_of(labels.share)), state_(normal_(random)) {}

  void change_share(double share) {
    labels_.share = share;
    middle_ = middle_of(share);
  }
  // Of the next minute.
  AccuracyWindow next() {
    const double kept = std::exp(-1 / windows_an_hour);
    state_ = kept * state_ + std::sqrt(1 - kept * kept) * normal_(random_);
    std::poisson_distribution<std::uint64_t> arrivals(labels_.an_hour / windows_an_hour);
    const std::uint64_t labels = arrivals(random_);
    if (labels == 0) return {};
    std::binomial_distribution<std::uint64_t> right(labels, share_at(middle_ + labels_.spread * state_));
    return {labels, right(random_)};
  }

 private:
  static double share_at(double log_odds) { return 1 / (1 + std::exp(-log_odds)); }
  double mean_at(double middle) const {
    double sum = 0, weight = 0;
    for (double z = -5; z <= 5; z += 0.05) {
      sum += std::exp(-z * z / 2) * share_at(middle + labels_.spread * z);
      weight += std::exp(-z * z / 2);
    }
    return sum / weight;
  }
  double middle_of(double share) const {
    double low = -10, high = 20;
    while (high - low > 1e-9) {
      const double middle = (low + high) / 2;
      (mean_at(middle) < share ? low : high) = middle;
    }
    return low;
  }

  Labels labels_;
  Random& random_;
  std::normal_distribution<double> normal_;
  double middle_;
  double state_;
};

class Judge {
 public:
  virtual ~Judge() = default;
  virtual bool pages(Instant at, const AccuracyWindow& labels) = 0;  // now, and did not before
};

class AccuracyLow final : public Judge {
 public:
  explicit AccuracyLow(double threshold) : served_{"cam-1", "digits", "1.0", threshold} {}
  bool pages(Instant at, const AccuracyWindow& labels) override {
    const auto before = state_;
    state_ = judge_windows(rules_, served_, memory_, {}, {before, served_.version},
                           {{at, std::nullopt, labels.labelled, labels.labelled, labels.correct}}, at)
                 .accuracy;
    return state_ == AlertState::firing && before != AlertState::firing;
  }

 private:
  WindowRules rules_;
  ServedVersion served_;
  WindowMemory memory_;
  AlertState state_ = AlertState::ok;
};

// The upper 95 % bound of the newest 200 labels, 50 at least, looked at with each window.
class FixedBound final : public Judge {
 public:
  explicit FixedBound(double threshold) : threshold_(threshold) {}
  bool pages(Instant, const AccuracyWindow& window) override {
    windows_.push_front(window);
    sum_.labelled += window.labelled;
    sum_.correct += window.correct;
    while (sum_.labelled - windows_.back().labelled >= 200) {
      sum_.labelled -= windows_.back().labelled;
      sum_.correct -= windows_.back().correct;
      windows_.pop_back();
    }
    if (sum_.labelled < 50) return false;
    const double share = static_cast<double>(sum_.correct) / static_cast<double>(sum_.labelled);
    const bool before =
        std::exchange(is_low_, (is_low_ && share < threshold_) ||
                                   wilson_bounds(sum_.correct, sum_.labelled, 1.645).upper < threshold_);
    return is_low_ && !before;
  }

 private:
  double threshold_;
  std::deque<AccuracyWindow> windows_;
  AccuracyWindow sum_;
  bool is_low_ = false;
};

// Of peers that look at one label after the other and begin anew after each page.
class ByLabel : public Judge {
 public:
  bool pages(Instant, const AccuracyWindow& window) override {
    bool paged = false;
    // Right and wrong ones of a minute mixed evenly.
    for (std::uint64_t i = 0; i < window.labelled; ++i) {
      const bool is_right = (i + 1) * window.correct / window.labelled > i * window.correct / window.labelled;
      paged = takes(!is_right) || paged;
    }
    return paged;
  }

 private:
  virtual bool takes(bool is_wrong) = 0;
};

// E. S. Page, Biometrika 41, 1954, as river 0.21 has it by default: delta 0.005, threshold 50, 30 values at least.
class PageHinkley final : public ByLabel {
  bool takes(bool is_wrong) override {
    const double x = is_wrong ? 1 : 0;
    ++count_;
    mean_ += (x - mean_) / count_;
    sum_ = std::max(0.0, 0.9999 * sum_ + (x - mean_ - 0.005));
    if (count_ < 30 || sum_ <= 50) return false;
    count_ = mean_ = sum_ = 0;
    return true;
  }
  double count_ = 0, mean_ = 0, sum_ = 0;
};

// A. Bifet, R. Gavalda, "Learning from time-changing data with adaptive windowing", 2007: delta 0.002, buckets of 5 a
// size, looked at after every 32 labels. A cut that shows more errors pages.
class Adwin final : public ByLabel {
  struct Bucket {
    double count = 0, sum = 0;
  };
  bool takes(bool is_wrong) override {
    buckets_.push_front({1, is_wrong ? 1.0 : 0.0});
    total_.count += 1;
    total_.sum += is_wrong ? 1 : 0;
    merge();
    return ++ticks_ % 32 == 0 && cut();
  }
  void merge() {
    std::size_t first = 0;
    for (double size = 1; first < buckets_.size(); size *= 2) {
      std::size_t last = first;
      while (last < buckets_.size() && buckets_[last].count == size) ++last;
      if (last - first <= 5) return;
      buckets_[last - 2] = {2 * size, buckets_[last - 2].sum + buckets_[last - 1].sum};
      buckets_.erase(buckets_.begin() + static_cast<std::ptrdiff_t>(last) - 1);
      first = last - 2;
    }
  }
  bool cut() {
    bool more_errors = false;
    for (bool shrinks = true; shrinks;) {
      shrinks = false;
      Bucket newer;
      const double mean = total_.sum / total_.count;
      const double variance = mean * (1 - mean);
      const double ln = std::log(2 * std::log(std::max(3.0, total_.count)) / 0.002);
      for (std::size_t i = 0; i + 1 < buckets_.size(); ++i) {
        newer.count += buckets_[i].count;
        newer.sum += buckets_[i].sum;
        const Bucket older{total_.count - newer.count, total_.sum - newer.sum};
        if (newer.count < 5 || older.count < 5) continue;
        const double m = 1 / (1 / newer.count + 1 / older.count);
        const double limit = std::sqrt(2 / m * variance * ln) + 2 / (3 * m) * ln;
        const double change = newer.sum / newer.count - older.sum / older.count;
        if (std::abs(change) <= limit) continue;
        more_errors = more_errors || change > 0;
        total_.count -= buckets_.back().count;
        total_.sum -= buckets_.back().sum;
        buckets_.pop_back();
        shrinks = true;
        break;
      }
    }
    return more_errors;
  }
  std::deque<Bucket> buckets_;  // newest first
  Bucket total_;
  std::uint64_t ticks_ = 0;
};

// Knows what share is usual and to what it will fall, and that labels do not depend on each other.
class KnowingCusum final : public ByLabel {
 public:
  KnowingCusum(double usual, double fallen, double limit)
      : wrong_(std::log((1 - fallen) / (1 - usual))), right_(std::log(fallen / usual)), limit_(limit) {}
  // A limit that independent labels of the usual share reach once in so many labels.
  static double limit_of(double usual, double fallen, double labels, Random& random) {
    double low = 1, high = 15;
    for (int round = 0; round < 9; ++round) {
      const double limit = (low + high) / 2;
      KnowingCusum cusum(usual, fallen, limit);
      std::bernoulli_distribution wrong(1 - usual);
      double pages = 0;
      const double trial = 40 * labels;
      for (double i = 0; i < trial; ++i) pages += cusum.takes(wrong(random)) ? 1 : 0;
      (pages > 40 ? low : high) = limit;
    }
    return (low + high) / 2;
  }

 private:
  bool takes(bool is_wrong) override {
    sum_ = std::max(0.0, sum_ + (is_wrong ? wrong_ : right_));
    if (sum_ < limit_) return false;
    sum_ = 0;
    return true;
  }
  double wrong_, right_, limit_, sum_ = 0;
};

struct Scenario {
  std::string name;
  double threshold;
  Labels healthy;
  std::optional<double> fallen = {};
  double amount;  // device-years, or falls
};

using MakeJudge = std::function<std::unique_ptr<Judge>()>;

Instant minute(std::int64_t minutes) {
  return instant_from_ms(1'772'000'000'000 + minutes * 60'000);
}

json false_pages(const Scenario& scenario, const MakeJudge& make, Random& random) {
  double pages = 0;
  constexpr std::int64_t minutes_a_year = static_cast<std::int64_t>(hours_a_year * windows_an_hour);
  for (double year = 0; year < scenario.amount; ++year) {
    LabelSource source(scenario.healthy, random);
    const auto judge = make();
    for (std::int64_t at = 0; at < minutes_a_year; ++at) {
      const auto labels = source.next();
      if (labels.labelled > 0 && judge->pages(minute(at), labels)) ++pages;
    }
  }
  const double rate = pages / scenario.amount;
  return {{"false_per_device_year", rate}, {"se", std::sqrt(std::max(1.0, pages)) / scenario.amount}};
}

// Two weeks of health, a fall at a random hour of the next day, and what comes within a day of it.
json found_falls(const Scenario& scenario, const MakeJudge& make, Random& random) {
  std::vector<double> hours;
  constexpr std::int64_t a_day = 24 * 60;
  for (double trial = 0; trial < scenario.amount; ++trial) {
    LabelSource source(scenario.healthy, random);
    const auto judge = make();
    std::uniform_int_distribution<std::int64_t> moment(14 * a_day, 15 * a_day);
    const auto falls_at = moment(random);
    std::int64_t at = 0;
    for (; at < falls_at; ++at)
      if (const auto labels = source.next(); labels.labelled > 0) judge->pages(minute(at), labels);
    source.change_share(*scenario.fallen);
    for (; at < falls_at + a_day; ++at) {
      const auto labels = source.next();
      if (labels.labelled > 0 && judge->pages(minute(at), labels)) break;
    }
    hours.push_back(at < falls_at + a_day ? static_cast<double>(at - falls_at) / 60 : HUGE_VAL);
  }
  std::sort(hours.begin(), hours.end());
  const auto found = std::count_if(hours.begin(), hours.end(), [](double after) { return std::isfinite(after); });
  const double share = static_cast<double>(found) / scenario.amount;
  const double median = hours[hours.size() / 2];
  return {{"found_percent", 100 * share},
          {"se", 100 * std::sqrt(std::max(0.25 / scenario.amount, share * (1 - share)) / scenario.amount)},
          {"median_h", std::isfinite(median) ? json(median) : json(nullptr)}};
}

json play(const Scenario& scenario, Random& random) {
  std::vector<std::pair<std::string, MakeJudge>> judges{
      {"accuracy_low", [&] { return std::make_unique<AccuracyLow>(scenario.threshold); }},
      {"fixed_bound", [&] { return std::make_unique<FixedBound>(scenario.threshold); }},
      {"adwin", [] { return std::make_unique<Adwin>(); }},
      {"page_hinkley", [] { return std::make_unique<PageHinkley>(); }}};
  if (scenario.fallen) {
    const double usual = scenario.healthy.share;
    const double limit =
        KnowingCusum::limit_of(usual, *scenario.fallen, scenario.healthy.an_hour * hours_a_year, random);
    judges.emplace_back("knowing_cusum", [&scenario, usual, limit] {
      return std::make_unique<KnowingCusum>(usual, *scenario.fallen, limit);
    });
  }
  json outcome{{"threshold", scenario.threshold},
               {"share", scenario.healthy.share},
               {"labels_an_hour", scenario.healthy.an_hour},
               {"spread", scenario.healthy.spread}};
  if (scenario.fallen) outcome["fallen"] = *scenario.fallen;
  for (const auto& [name, make] : judges)
    outcome[name] = scenario.fallen ? found_falls(scenario, make, random) : false_pages(scenario, make, random);
  return outcome;
}

}  // namespace

json simulate_accuracy(std::uint64_t seed) {
  Random random(seed);
  const std::vector<Scenario> scenarios{{"healthy", 0.94, {0.945, 20, 0.5}, {}, 60},
                                        {"healthy_at_the_threshold", 0.94, {0.94, 20, 0}, {}, 20},
                                        {"healthy_in_strong_moods", 0.94, {0.945, 20, 1}, {}, 20},
                                        {"healthy_with_many_labels", 0.94, {0.945, 600, 0.5}, {}, 5},
                                        {"fall_under_99", 0.99, {0.99, 20, 0.5}, 0.94, 400},
                                        {"fall_under_98", 0.98, {0.98, 20, 0.5}, 0.93, 400},
                                        {"fall_under_94", 0.94, {0.945, 20, 0.5}, 0.89, 400},
                                        {"fall_under_94_by_20", 0.94, {0.945, 20, 0.5}, 0.74, 200}};
  json by_name = json::object();
  for (const auto& scenario : scenarios) by_name[scenario.name] = play(scenario, random);
  return {{"accuracy_false_per_device_year", by_name["healthy"]["accuracy_low"]["false_per_device_year"]},
          {"fall_found_percent", by_name["fall_under_99"]["accuracy_low"]["found_percent"]},
          {"fall_median_h", by_name["fall_under_99"]["accuracy_low"]["median_h"]},
          {"accuracy_scenarios", std::move(by_name)}};
}

}  // namespace argosy::server

#include "agent/runner/metric.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <string>

#include "agent/runner/ranking.hpp"
#include "common/stats/accuracy.hpp"
#include "common/wire/metric_rule.hpp"

namespace argosy::agent {
namespace {

constexpr double worst_possible = -std::numeric_limits<double>::infinity();

bool has_nan(std::span<const double> values) {
  return std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); });
}

class TopAccuracy : public Metric {
 public:
  explicit TopAccuracy(std::size_t places) : places_(places) {}

  double add(std::span<const double> scores, const Truth& truth) override {
    ++samples_;
    if (has_nan(scores)) return worst_possible;
    std::size_t before = 0;  // classes that come first; an equal score with a lower index does too, as in argmax
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (scores[i] > scores[truth.label] || (scores[i] == scores[truth.label] && i < truth.label)) ++before;
    }
    if (before < places_) ++correct_;
    return margin(scores, truth.label);
  }
  std::optional<double> value() const override {
    return samples_ == 0 ? 0 : static_cast<double>(correct_) / static_cast<double>(samples_);
  }
  std::optional<std::uint64_t> correct() const override { return correct_; }
  std::optional<Interval> interval() const override {
    const ShareBounds bounds = wilson_bounds(correct_, samples_, two_sided_95);
    return Interval{bounds.lower, bounds.upper};
  }

 private:
  std::size_t places_;
  std::uint64_t samples_ = 0, correct_ = 0;
};

// F1, Dice and IoU: how far labels and answers of a class lie upon each other.
class ClassOverlap : public Metric {
 public:
  enum class Kind : std::uint8_t { f1, dice, iou };
  explicit ClassOverlap(Kind kind) : kind_(kind) {}

  double add(std::span<const double> scores, const Truth& truth) override {
    if (classes_.size() < scores.size()) classes_.resize(scores.size());
    foreground_alone_ = truth.is_one_score && kind_ != Kind::f1;
    ++classes_[truth.label].labels;
    if (has_nan(scores)) return worst_possible;
    const auto answer = static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
    ++classes_[answer].answers;
    if (answer == truth.label) ++classes_[answer].right;
    return margin(scores, truth.label);
  }
  std::optional<double> value() const override {
    double sum = 0, occurring = 0;
    for (std::size_t i = foreground_alone_ ? 1 : 0; i < classes_.size(); ++i) {
      const auto both = static_cast<double>(classes_[i].labels + classes_[i].answers);
      if (both == 0) continue;
      const auto right = static_cast<double>(classes_[i].right);
      sum += kind_ == Kind::iou ? right / (both - right) : 2 * right / both;
      ++occurring;
    }
    return occurring == 0 ? 0 : sum / occurring;
  }
  std::optional<std::uint64_t> correct() const override {
    std::uint64_t right = 0;
    for (const Class& each : classes_) right += each.right;
    return right;
  }

 private:
  struct Class {
    std::uint64_t labels = 0, answers = 0, right = 0;
  };
  Kind kind_;
  bool foreground_alone_ = false;
  std::vector<Class> classes_;
};

// Metrics that need all scores at once.
class Ranked : public Metric {
 public:
  enum class Kind : std::uint8_t { roc, precision_recall, average_precision };
  explicit Ranked(Kind kind) : kind_(kind) {}

  double add(std::span<const double> scores, const Truth& truth) override {
    if (scores_.size() + scores.size() > most_scores) throw std::bad_alloc();
    if (has_nan(scores)) return worst_possible;
    classes_ = scores.size();
    scores_.insert(scores_.end(), scores.begin(), scores.end());
    labels_.push_back(truth.label);
    return margin(scores, truth.label);
  }
  std::optional<double> value() const override {
    if (classes_ == 2) return area_of(1).value_or(0);
    double sum = 0, occurring = 0;
    for (std::size_t each = 0; each < classes_; ++each) {
      const auto area = area_of(each);
      if (!area) continue;
      sum += *area;
      ++occurring;
    }
    return occurring == 0 ? 0 : sum / occurring;
  }
  std::optional<Interval> interval() const override {
    if (classes_ != 2 || kind_ != Kind::roc) return std::nullopt;
    const auto ones = std::count(labels_.begin(), labels_.end(), std::size_t{1});
    const double error = roc_area_error(*value(), static_cast<double>(ones),
                                        static_cast<double>(labels_.size()) - static_cast<double>(ones));
    return Interval{std::max(0.0, *value() - two_sided_95 * error), std::min(1.0, *value() + two_sided_95 * error)};
  }

 private:
  static constexpr std::size_t most_scores = 64 << 20;

  std::optional<double> area_of(std::size_t each) const {
    std::vector<Ranking> ranking;
    ranking.reserve(labels_.size());
    for (std::size_t i = 0; i < labels_.size(); ++i)
      ranking.push_back({scores_[i * classes_ + each], labels_[i] == each});
    if (kind_ == Kind::roc) return roc_area(std::move(ranking));
    return kind_ == Kind::average_precision ? average_precision(std::move(ranking))
                                            : precision_recall_area(std::move(ranking));
  }

  Kind kind_;
  std::size_t classes_ = 0;
  std::vector<double> scores_;
  std::vector<std::size_t> labels_;
};

// A difference that is not a number is an infinite one.
double difference(double answer, double truth) {
  const double apart = std::abs(answer - truth);
  return std::isnan(apart) ? std::numeric_limits<double>::infinity() : apart;
}

// How a mean over samples scatters.
class Spread {
 public:
  void add(double value) {
    ++count_;
    const double from_old = value - mean_;
    mean_ += from_old / static_cast<double>(count_);
    squares_ += from_old * (value - mean_);
  }
  std::optional<Interval> around(double mean) const {
    if (count_ < 2 || !std::isfinite(squares_)) return std::nullopt;
    const auto count = static_cast<double>(count_);
    const double reach = two_sided_95 * std::sqrt(squares_ / (count - 1) / count);
    return Interval{mean - reach, mean + reach};
  }

 private:
  std::uint64_t count_ = 0;
  double mean_ = 0, squares_ = 0;
};

class MeanError : public Metric {
 public:
  explicit MeanError(bool squared) : squared_(squared) {}

  double add(std::span<const double> answer, const Truth& truth) override {
    double sum = 0;
    for (std::size_t i = 0; i < answer.size(); ++i) {
      const double apart = difference(answer[i], truth.output[i]);
      sum += squared_ ? apart * apart : apart;
    }
    sum_ += sum;
    values_ += answer.size();
    spread_.add(sum / static_cast<double>(std::max<std::size_t>(answer.size(), 1)));
    return -sum;
  }
  std::optional<double> value() const override { return values_ == 0 ? 0 : sum_ / static_cast<double>(values_); }
  std::optional<Interval> interval() const override {
    auto around = spread_.around(*value());
    if (around) around->lower = std::max(around->lower, 0.0);
    return around;
  }

 private:
  bool squared_;
  double sum_ = 0;
  std::uint64_t values_ = 0;
  Spread spread_;
};

double cosine_of(std::span<const double> a, std::span<const double> b) {
  double product = 0, a_squared = 0, b_squared = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += a[i] * b[i];
    a_squared += a[i] * a[i];
    b_squared += b[i] * b[i];
  }
  if (a_squared == 0 || b_squared == 0) return a_squared == b_squared ? 1 : 0;
  const double cosine = product / (std::sqrt(a_squared) * std::sqrt(b_squared));
  return std::isfinite(cosine) ? cosine : -1;
}

class MeanCosine : public Metric {
 public:
  double add(std::span<const double> answer, const Truth& truth) override {
    const double cosine = cosine_of(answer, truth.output);
    sum_ += cosine;
    ++samples_;
    spread_.add(cosine);
    return has_nan(answer) ? worst_possible : cosine;
  }
  std::optional<double> value() const override { return samples_ == 0 ? 0 : sum_ / static_cast<double>(samples_); }
  std::optional<Interval> interval() const override { return spread_.around(*value()); }

 private:
  double sum_ = 0;
  std::uint64_t samples_ = 0;
  Spread spread_;
};

class LargestDifference : public Metric {
 public:
  double add(std::span<const double> answer, const Truth& truth) override {
    double furthest = 0;
    for (std::size_t i = 0; i < answer.size(); ++i)
      furthest = std::max(furthest, difference(answer[i], truth.output[i]));
    largest_ = std::max(largest_, furthest);
    return -furthest;
  }
  std::optional<double> value() const override { return largest_; }

 private:
  double largest_ = 0;
};

class Unmeasured : public Metric {
 public:
  double add(std::span<const double> answer, const Truth&) override { return has_nan(answer) ? worst_possible : 0; }
  std::optional<double> value() const override { return std::nullopt; }
};

}  // namespace

Result<std::unique_ptr<Metric>> make_metric(std::string_view name) {
  const auto rule = wire::metric_rule(name);
  if (!rule) return make_error(Errc::invalid_argument, wire::unknown_metric(name));
  if (rule->against == wire::MetricRule::Against::answers)
    return make_error(Errc::invalid_argument, "metric " + std::string(name) + " judges whole answers");
  const auto made = [](auto metric) { return std::unique_ptr<Metric>(std::move(metric)); };
  using Overlap = ClassOverlap::Kind;
  if (name == "f1") return made(std::make_unique<ClassOverlap>(Overlap::f1));
  if (name == "dice") return made(std::make_unique<ClassOverlap>(Overlap::dice));
  if (name == "iou") return made(std::make_unique<ClassOverlap>(Overlap::iou));
  if (name == "roc_auc") return made(std::make_unique<Ranked>(Ranked::Kind::roc));
  if (name == "pr_auc") return made(std::make_unique<Ranked>(Ranked::Kind::precision_recall));
  if (name == "average_precision") return made(std::make_unique<Ranked>(Ranked::Kind::average_precision));
  if (name == "mae" || name == "mse") return made(std::make_unique<MeanError>(name == "mse"));
  if (name == "cosine") return made(std::make_unique<MeanCosine>());
  if (name == "max_abs_difference") return made(std::make_unique<LargestDifference>());
  if (name == "none") return made(std::make_unique<Unmeasured>());
  return made(std::make_unique<TopAccuracy>(rule->places));
}

double margin(std::span<const double> scores, std::size_t label) {
  double best_other = worst_possible;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) return worst_possible;
    if (i != label) best_other = std::max(best_other, scores[i]);
  }
  const double ahead = scores[label] - best_other;
  return std::isnan(ahead) ? worst_possible : ahead;
}

void WorstSamples::add(std::size_t index, double margin) {
  heap_.push_back({margin, index});
  std::push_heap(heap_.begin(), heap_.end());
  if (heap_.size() <= keep_) return;
  std::pop_heap(heap_.begin(), heap_.end());
  heap_.pop_back();
}

std::vector<std::size_t> WorstSamples::indices() const {
  std::vector<Entry> sorted = heap_;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::size_t> result;
  for (const Entry& entry : sorted) result.push_back(entry.index);
  return result;
}

}  // namespace argosy::agent

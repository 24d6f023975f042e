#include "agent/runner/metric.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "common/wire/metric_rule.hpp"

namespace argosy::agent {
namespace {

constexpr float worst_possible = -std::numeric_limits<float>::infinity();

bool has_nan(std::span<const float> values) {
  return std::any_of(values.begin(), values.end(), [](float value) { return std::isnan(value); });
}

class TopAccuracy : public Metric {
 public:
  explicit TopAccuracy(std::size_t places) : places_(places) {}

  float add(std::span<const float> scores, const Truth& truth) override {
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

 private:
  std::size_t places_;
  std::uint64_t samples_ = 0, correct_ = 0;
};

class MacroF1 : public Metric {
 public:
  float add(std::span<const float> scores, const Truth& truth) override {
    if (classes_.size() < scores.size()) classes_.resize(scores.size());
    ++classes_[truth.label].labels;
    if (has_nan(scores)) return worst_possible;
    const auto answer = static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
    ++classes_[answer].answers;
    if (answer == truth.label) ++classes_[answer].right;
    return margin(scores, truth.label);
  }
  std::optional<double> value() const override {
    double sum = 0, occurring = 0;
    for (const Class& each : classes_) {
      if (each.labels + each.answers == 0) continue;
      sum += 2.0 * static_cast<double>(each.right) / static_cast<double>(each.labels + each.answers);
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
  std::vector<Class> classes_;
};

// A difference that is not a number is an infinite one.
double difference(float answer, float truth) {
  const double apart = std::abs(double{answer} - truth);
  return std::isnan(apart) ? std::numeric_limits<double>::infinity() : apart;
}

class MeanError : public Metric {
 public:
  explicit MeanError(bool squared) : squared_(squared) {}

  float add(std::span<const float> answer, const Truth& truth) override {
    double sum = 0;
    for (std::size_t i = 0; i < answer.size(); ++i) {
      const double apart = difference(answer[i], truth.output[i]);
      sum += squared_ ? apart * apart : apart;
    }
    sum_ += sum;
    values_ += answer.size();
    return static_cast<float>(-sum);
  }
  std::optional<double> value() const override { return values_ == 0 ? 0 : sum_ / static_cast<double>(values_); }

 private:
  bool squared_;
  double sum_ = 0;
  std::uint64_t values_ = 0;
};

double cosine_of(std::span<const float> a, std::span<const float> b) {
  double product = 0, a_squared = 0, b_squared = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += double{a[i]} * b[i];
    a_squared += double{a[i]} * a[i];
    b_squared += double{b[i]} * b[i];
  }
  if (a_squared == 0 || b_squared == 0) return a_squared == b_squared ? 1 : 0;
  const double cosine = product / (std::sqrt(a_squared) * std::sqrt(b_squared));
  return std::isfinite(cosine) ? cosine : -1;
}

class MeanCosine : public Metric {
 public:
  float add(std::span<const float> answer, const Truth& truth) override {
    const double cosine = cosine_of(answer, truth.output);
    sum_ += cosine;
    ++samples_;
    return has_nan(answer) ? worst_possible : static_cast<float>(cosine);
  }
  std::optional<double> value() const override { return samples_ == 0 ? 0 : sum_ / static_cast<double>(samples_); }

 private:
  double sum_ = 0;
  std::uint64_t samples_ = 0;
};

class LargestDifference : public Metric {
 public:
  float add(std::span<const float> answer, const Truth& truth) override {
    double furthest = 0;
    for (std::size_t i = 0; i < answer.size(); ++i)
      furthest = std::max(furthest, difference(answer[i], truth.output[i]));
    largest_ = std::max(largest_, furthest);
    return static_cast<float>(-furthest);
  }
  std::optional<double> value() const override { return largest_; }

 private:
  double largest_ = 0;
};

class Unmeasured : public Metric {
 public:
  float add(std::span<const float> answer, const Truth&) override { return has_nan(answer) ? worst_possible : 0; }
  std::optional<double> value() const override { return std::nullopt; }
};

}  // namespace

Result<std::unique_ptr<Metric>> make_metric(std::string_view name) {
  const auto rule = wire::metric_rule(name);
  if (!rule) return make_error(Errc::invalid_argument, wire::unknown_metric(name));
  const auto made = [](auto metric) { return std::unique_ptr<Metric>(std::move(metric)); };
  if (name == "f1") return made(std::make_unique<MacroF1>());
  if (name == "mae" || name == "mse") return made(std::make_unique<MeanError>(name == "mse"));
  if (name == "cosine") return made(std::make_unique<MeanCosine>());
  if (name == "max_abs_difference") return made(std::make_unique<LargestDifference>());
  if (name == "none") return made(std::make_unique<Unmeasured>());
  return made(std::make_unique<TopAccuracy>(rule->places));
}

float margin(std::span<const float> scores, std::size_t label) {
  float best_other = worst_possible;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) return worst_possible;
    if (i != label) best_other = std::max(best_other, scores[i]);
  }
  const float ahead = scores[label] - best_other;
  return std::isnan(ahead) ? worst_possible : ahead;
}

void WorstSamples::add(std::size_t index, float margin) {
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

#include "agent/runner/metric.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace argosy::agent {
namespace {

class TopAccuracy : public Metric {
 public:
  explicit TopAccuracy(std::size_t places) : places_(places) {}

  void add(std::span<const float> scores, std::size_t label) override {
    ++samples_;
    if (std::any_of(scores.begin(), scores.end(), [](float s) { return std::isnan(s); })) return;
    std::size_t before = 0;  // classes that come first; an equal score with a lower index does too, as in argmax
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (scores[i] > scores[label] || (scores[i] == scores[label] && i < label)) ++before;
    }
    if (before < places_) ++correct_;
  }
  double value() const override {
    return samples_ == 0 ? 0 : static_cast<double>(correct_) / static_cast<double>(samples_);
  }
  std::uint64_t correct() const override { return correct_; }

 private:
  std::size_t places_;
  std::uint64_t samples_ = 0, correct_ = 0;
};

}  // namespace

Result<std::unique_ptr<Metric>> make_metric(std::string_view name) {
  if (name == "accuracy") return std::unique_ptr<Metric>(std::make_unique<TopAccuracy>(1));
  if (name == "top5_accuracy") return std::unique_ptr<Metric>(std::make_unique<TopAccuracy>(5));
  return make_error(Errc::invalid_argument,
                    "metric '" + std::string(name) + "' is unknown: use accuracy or top5_accuracy");
}

float margin(std::span<const float> scores, std::size_t label) {
  float best_other = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) return -std::numeric_limits<float>::infinity();
    if (i != label) best_other = std::max(best_other, scores[i]);
  }
  const float difference = scores[label] - best_other;
  return std::isnan(difference) ? -std::numeric_limits<float>::infinity() : difference;
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

// How good a model's answers are: one Metric a data set, fed sample by sample, and the samples that it did worst on.
// Pure; any thread. Limits: 1,000 worst samples.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::agent {

class Metric {
 public:
  virtual ~Metric() = default;
  // `scores`: one a class, higher is likelier; `label`: the right class, an index into them.
  virtual void add(std::span<const float> scores, std::size_t label) = 0;
  virtual double value() const = 0;
  virtual std::uint64_t correct() const = 0;  // samples answered right, as this metric sees it
};

// "accuracy": the share whose highest score is the label's. "top5_accuracy": the label is among the five highest.
// A score that is not a number makes the sample wrong. Errc::invalid_argument for another name.
Result<std::unique_ptr<Metric>> make_metric(std::string_view name);

// The label's score minus the best other score: negative when the answer is wrong, lowest when it is confidently wrong.
// Minus infinity when a score is not a number.
float margin(std::span<const float> scores, std::size_t label);

// Keeps the indices of the samples with the lowest margins.
class WorstSamples {
 public:
  explicit WorstSamples(std::size_t keep) : keep_(keep) {}
  void add(std::size_t index, float margin);
  // Worst first; equals in the order in which they came.
  std::vector<std::size_t> indices() const;

 private:
  struct Entry {
    float margin;
    std::size_t index;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  std::size_t keep_;
  std::vector<Entry> heap_;  // the least bad on top
};

}  // namespace argosy::agent

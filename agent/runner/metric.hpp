// How good a model's answers are: one Metric a data set, fed place by place (a sample, or a token or pixel of one), and
// the samples that it did worst on. Pure; any thread. Limits: 1,000 worst samples; 64 million scores kept by those that
// rank all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::agent {

// What is right for one place: its class, or the golden output.
struct Truth {
  std::size_t label = 0;
  std::span<const double> output = {};
  bool is_one_score = false;  // the model gives one score for two classes, and scores[1] is that one
};

// Where the value of as many samples from the same source would lie 19 times in 20.
struct Interval {
  double lower = 0, upper = 0;
};
inline constexpr double two_sided_95 = 1.959963984540054;  // standard deviations

class Metric {
 public:
  virtual ~Metric() = default;
  // `answer`: against labels a score a class, higher is likelier, and `truth.label` an index into them; against golden
  // outputs as many values as `truth.output`. Returns how well this place went: lower is worse, minus infinity when a
  // value is not a number.
  virtual double add(std::span<const double> answer, const Truth& truth) = 0;
  // Infinite when an answer was, of those whose lower values are better. Nothing for `none`.
  virtual std::optional<double> value() const = 0;
  // Places answered right, as this metric sees it; nothing where there is no right or wrong.
  virtual std::optional<std::uint64_t> correct() const { return std::nullopt; }
  // Nothing where it is not known how the value scatters.
  virtual std::optional<Interval> interval() const { return std::nullopt; }
};

// Of the names in common/wire/metric_rule.hpp that judge scores of classes or golden outputs:
//   accuracy, topK_accuracy   the share whose label has the highest score, or one of the K highest
//   f1                        macro: the mean, over the classes that occur as a label or as an answer, of
//                             2 TP / (2 TP + FP + FN)
//   dice, iou                 the same, and TP / (TP + FP + FN), over all places; of one score, the class 1 alone
//   roc_auc                   area under the receiver operating characteristic; of more than two classes, the mean of
//                             each against the rest, over those that occur
//   pr_auc, average_precision area under precision over recall, by trapezoids and by steps; classes likewise
//   mae, mse                  mean absolute, mean squared difference, over all values of all samples
//   cosine                    the mean over the samples of a.b / (|a| |b|); two zero vectors are alike, one is not
//   max_abs_difference        the largest of all
//   none                      no value
// A score that is not a number makes the place wrong. Errc::invalid_argument for another name.
Result<std::unique_ptr<Metric>> make_metric(std::string_view name);

// The label's score minus the best other score: negative when the answer is wrong, lowest when it is confidently wrong.
// Minus infinity when a score is not a number.
double margin(std::span<const double> scores, std::size_t label);

// Keeps the indices of the samples that went worst.
class WorstSamples {
 public:
  explicit WorstSamples(std::size_t keep) : keep_(keep) {}
  void add(std::size_t index, double margin);
  // Worst first; equals in the order in which they came.
  std::vector<std::size_t> indices() const;

 private:
  struct Entry {
    double margin;
    std::size_t index;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  std::size_t keep_;
  std::vector<Entry> heap_;  // the least bad on top
};

}  // namespace argosy::agent

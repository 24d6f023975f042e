// Whether two models say the same: their answers to the same samples, one after another. Pure; any thread.
// Limits: 1,000,000 samples.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <vector>

namespace argosy::agent {

class Agreement {
 public:
  // The answers of both models to one sample: as many scores. What is not a number agrees with nothing.
  void add(std::span<const double> exact, std::span<const double> other);

  std::uint64_t samples() const { return samples_; }
  // The share of samples for which both models' highest scores belong to the same class. Of models that answer with one
  // number: whose numbers lie within 1 % of the largest magnitude that the exact model said.
  double share() const;
  double max_difference() const { return max_difference_; }  // of any score; infinite when one is not a number
  double largest_score() const { return largest_score_; }    // magnitude, of the exact model
  std::size_t distinct_predictions() const { return predictions_.size(); }  // of the exact model

 private:
  std::uint64_t samples_ = 0, same_class_ = 0;
  double max_difference_ = 0, largest_score_ = 0;
  std::set<std::size_t> predictions_;
  std::vector<double> single_differences_;  // of models that answer with one number
};

}  // namespace argosy::agent

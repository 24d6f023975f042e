// Confidence sequences: bounds of a mean that hold at all times at once, so that accuracy may be looked at whenever
// labels have come. Values lie in [0, 1], depend on each other as they like, and their mean may move: bounded is the
// mean so far of what each was expected to be, given those before. Pure; one owner at a time; three numbers are all
// its state.
// One sequence an arm, on calendar time: the labels of a window count when they come, however late. Two sequences are
// joined by the union bound and need not know of each other: with labels that come late the difference itself is no
// martingale. What is bounded is the accuracy of these devices, not of all that might have been chosen: how much
// devices differ by themselves is for the margin, or for stratified_effect.hpp, which compares each with its own past.
// Give it the labels, not the windows' means: a few hundred values are bounded loosely, however steady they are.
// Boundary: the gamma-exponential mixture over the empirical variance, u(V) / t.
// Sources: S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
// sequences", Ann. Stat. 49(2), 2021, theorem 4 and its gamma-exponential mixture; tuned as its section 3.5 says.
#pragma once

#include <cstdint>

#include "common/stats/device_rows.hpp"
#include "common/stats/one_sided_bounds.hpp"

namespace argosy {

// Where the bounds are to be tightest; they hold whatever is chosen, as long as it is chosen before the values are
// seen.
struct SequenceTuning {
  double variance = 10;  // sum of squared deviations: values times their variance; > 0
  double alpha = 0.025;  // in (0, 0.5)
};

// What the sum of deviations from the mean passes at any time with probability alpha at most, when its variance is so
// much.
double mixture_boundary(double variance, double alpha, const SequenceTuning& tuning);

class MeanSequence {
 public:
  void add(double value);  // over 1 counts as 1, under 0 as 0, NaN not at all
  // Each label is a value of its own, 0 or 1; more right than labels count as all.
  void add_labels(std::uint64_t right, std::uint64_t labels);

  std::uint64_t count() const { return count_; }
  double mean() const;                                       // 0.5 without values
  double deviations() const { return squared_deviations_; }  // V: of each value from the mean before it

  // Each holds at all times with probability 1 - alpha; alpha in (0, 1). 0 and 1 without values.
  double lower(double alpha, const SequenceTuning& tuning = {}) const;
  double upper(double alpha, const SequenceTuning& tuning = {}) const;

  // ln of an e-value against "the mean is at most `limit`": enough at ln(1 / alpha), whenever asked.
  double ln_evidence_over(double limit, const SequenceTuning& tuning = {}) const;

 private:
  double expected_next() const;

  std::uint64_t count_ = 0;
  double sum_ = 0;
  double squared_deviations_ = 0;
};

// Of the canary's mean less the control's, with the sign that makes + harm. Each arm has half of alpha.
OneSidedBounds harm_between(const MeanSequence& canary, const MeanSequence& control, WorseWhen worse, double alpha,
                            const SequenceTuning& tuning = {});

}  // namespace argosy

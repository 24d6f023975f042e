// Evidence that a share of successes fell under a limit, from labels that depend on each other: a sum of e-processes,
// one begun at each hour of labels. Looking often costs nothing, and a fall is found soon however long all was well
// before it. Pure; one owner at a time; some dozen numbers are all its state, whatever it has seen.
//
// What is promised: where the share is at the limit or over it, evidence of `hours` is passed no more often than once
// in so many hours of labels on average. That is exact of labels drawn one by one. Labels of one hour are alike, so
// each hour's likelihood ratio is raised to the power of effective labels over labels: an hour never weighs more than
// 1 / likeness labels, however many it has. How much alike they are is learned from how the hours before differ, and
// how well that keeps the promise is simulated (tests/bench/alarms).
//
// Sources: J. Shin, A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential change detection",
// New England J. Stat. Data Sci. 2, 2023 (the Shiryaev-Roberts e-detector, and its average run length); the design
// effect: L. Kish, "Survey Sampling", 1965, section 5.4.
#pragma once

#include <array>
#include <cstdint>

#include "common/base/instant.hpp"

namespace argosy {

struct FallTuning {
  Duration labels_depend_for{3'600'000};  // labels closer than this are of one hour
  double likeness = 0.005;                // of the labels of an hour before anything was learned, in (0, 1)
  double hours_believed = 20;             // of 20 labels, that count so much
  double hours_remembered = 200;          // of how hours differ
  double most_ln_an_hour = 2;             // that the evidence of an hour counts for: an odd one is no fall,
  double ln_beyond_doubt = 6;             // but for what goes beyond this
  double persistence = 3;  // hours beside each other are alike, too: an AR(1) that forgets in an hour makes it 2.7
};

// How much alike the labels of an hour are, in [0, 1): 0, as if drawn one by one.
class HourLikeness {
 public:
  struct State {
    double share = 0, share_weight = 0;        // of the last hours
    double likeness = 0, likeness_weight = 0;  // sums over hours
    friend bool operator==(const State&, const State&) = default;
  };

  HourLikeness() = default;
  explicit HourLikeness(const State& state) : state_(state) {}
  void learn(const FallTuning& tuning, std::uint64_t right, std::uint64_t labels);
  double value(const FallTuning& tuning) const;
  const State& state() const { return state_; }

 private:
  State state_;
};

// Labels drawn one by one that say as much as `labels` of `hours` do.
double effective_labels(std::uint64_t labels, double hours, double likeness);

class FallEvidence {
 public:
  // Of falls of several depths, each as if it were the one: by so much the odds of an error are more than at the limit.
  static constexpr std::array<double, 3> odds_of_errors{1.7, 3, 7};

  struct State {
    Instant hour_began{};
    std::uint64_t labels = 0, right = 0;               // of the hour that is not over
    std::array<double, odds_of_errors.size()> sums{};  // e-processes begun in the hours before
    HourLikeness::State likeness;
    friend bool operator==(const State&, const State&) = default;
  };

  FallEvidence() = default;
  explicit FallEvidence(const State& state) : state_(state) {}

  // Labels in the order in which they came; more right than labels count as all.
  void add(const FallTuning& tuning, double limit, Instant at, std::uint64_t right, std::uint64_t labels);
  // In hours: how long labels of a share at the limit go on average until they show so much. `limit` in (0, 1).
  double hours(const FallTuning& tuning, double limit) const;
  double likeness(const FallTuning& tuning) const { return HourLikeness(state_.likeness).value(tuning); }
  // What was seen speaks for no fall any more; how alike labels are stays known.
  void forget_falls();
  const State& state() const { return state_; }

 private:
  std::array<double, odds_of_errors.size()> sums_now(const FallTuning& tuning, double limit) const;

  State state_;
};

}  // namespace argosy

// Is the change of canary devices worse than that of devices which wait? Stratified difference in differences: in each
// class of hardware the mean change D of the canary less that of the controls beside it, and these weighted by the
// canary's share of each class. Pure; sums have one owner at a time, take rows one by one and keep none.
// theta = sum_h w_h (mean D canary_h - mean D control_h), w_h = n_ch / n_c;
// SE^2 = sum_h w_h^2 (s_c^2 / n_ch + s_0h^2 / n_0h).
// Sources: A. Abadie, Rev. Econ. Stud. 72(1), 2005 (differences in differences); W. G. Cochran, "Sampling Techniques",
// 3rd ed., 1977, chapter 5 (strata, pooled variance); F. E. Satterthwaite, Biometrics Bull. 2(6), 1946, and B. L.
// Welch, Biometrika 34, 1947 (degrees of freedom).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/base/error.hpp"
#include "common/stats/device_rows.hpp"
#include "common/stats/one_sided_bounds.hpp"

namespace argosy {

// Count, mean and squared deviations, summed without loss of digits.
// Source: T. F. Chan, G. H. Golub, R. J. LeVeque, Am. Stat. 37(3), 1983.
struct RunningMoments {
  std::uint64_t n = 0;
  double mean = 0;
  double squares = 0;  // sum of (value - mean)^2

  void add(double value);
  void merge(const RunningMoments& other);
  std::optional<double> variance() const;  // over n - 1; nothing under 2
};

// 48 bytes an arm and stratum, whatever the number of devices.
class StratifiedSums {
 public:
  // D of one device. Left out, and counted, when it is not finite or the stratum is stratum_limit or more.
  void add(std::uint32_t stratum, Arm arm, double harm);
  void add(std::uint32_t stratum, Arm arm, const RunningMoments& harms);  // of many devices; as above
  void merge(const StratifiedSums& other);

  std::size_t strata() const { return sums_.size(); }
  const RunningMoments& of(std::uint32_t stratum, Arm arm) const;  // stratum < strata()
  std::uint64_t left_out() const { return left_out_; }

 private:
  std::vector<std::array<RunningMoments, 2>> sums_;
  std::uint64_t left_out_ = 0;
};

StratifiedSums sums_of(std::span<const DeviceRow> rows, WorseWhen worse);

// In the unit of D; + is harm.
struct StratifiedEffect {
  double theta = 0;
  double se_canary = 0;   // the canary's part of the standard error; shrinks with more canary devices
  double se_control = 0;  // the controls' part
  double freedom = 0;     // Welch-Satterthwaite degrees of freedom, > 0
  std::uint64_t canaries = 0;
  std::uint64_t controls = 0;          // in the same classes
  std::uint64_t without_control = 0;   // canary devices left out: their class has no control
  bool has_borrowed_variance = false;  // an arm with no spread of its own was given that of the other
  double se() const;
};

// `least_sigma` (>= 0, unit of D) is what the standard deviation of a device's D is taken to be at least: the
// resolution of the figure. With 0 and devices that all show the same D, SE is 0 and both bounds are theta itself: true
// of what was seen, and overconfident if the figure is coarse. A class with one control borrows the controls' pooled
// variance; a canary with one device in each class borrows that of the controls, and controls with one in each class
// that of the canary: right when the release changes nothing, which is what is tested. A class without a control is
// left out and its canaries counted; classes without a canary have no weight. Errc::unavailable, with the reason: no
// class has both, or one device of each is all there is.
Result<StratifiedEffect> stratified_effect(const StratifiedSums& sums, double least_sigma = 0);
// One class alone, for which class drives a verdict; with one canary device the spread is that of the canary elsewhere.
Result<StratifiedEffect> effect_in(const StratifiedSums& sums, std::uint32_t stratum, double least_sigma = 0);

// Whether Student's t is to be left for permutation.hpp: fewer than 10 canary devices, or tails so heavy that the
// kurtosis of D about the mean of its class and arm is over 6 (3 is normal). `sums` are those of the rows.
bool wants_permutation(const StratifiedSums& sums, std::span<const DeviceRow> rows, WorseWhen worse);

// theta -/+ t(freedom, 1 - alpha) SE; alpha in (0, 0.5].
OneSidedBounds bounds_of(const StratifiedEffect& effect, double alpha);
// One-sided p-value of "theta is at most `margin`". With SE 0: 0 over the margin, 1 at it and under.
double p_value_over(const StratifiedEffect& effect, double margin);

}  // namespace argosy

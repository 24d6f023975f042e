// Is a paired difference over 0? One figure a device, each the difference of two things measured on the same inputs:
// Student's t for one sample, and, with few devices or wild values, a test that turns signs. If the two things were
// alike, each device's difference could as well have had the other sign. Pure; B draws cost B * devices additions, and
// the same seed gives the same p-value on every machine.
// Sources: Student, Biometrika 6(1), 1908; R. A. Fisher, "The Design of Experiments", 1935, section 21 (the sign-flip
// test, on Darwin's plants); B. Phipson, G. K. Smyth, Stat. Appl. Genet. Mol. Biol. 9(1), 2010.
#pragma once

#include <cstdint>
#include <span>

#include "common/base/error.hpp"
#include "common/stats/permutation.hpp"
#include "common/stats/stratified_effect.hpp"

namespace argosy {

// theta is the mean of the differences, se_canary its standard error, and there are no controls. `least_sigma` as in
// stratified_effect(). Values that are not finite are left out. Errc::unavailable under two devices.
Result<StratifiedEffect> paired_effect(std::span<const double> differences, double least_sigma = 0);

// Whether Student's t is to be left for sign_flip_test(): fewer than 10 devices, or a kurtosis over 6.
bool wants_sign_flips(std::span<const double> differences);

struct SignFlipTest {
  double p = 1;        // one-sided, of "the mean is at most the margin"; valid where differences lie evenly about it
  double least_p = 1;  // 1 / 2^devices; a test of draws cannot go under 1 / (B + 1) either
  std::uint32_t draws = 0;  // of all ways to turn signs, when is_exact
  std::uint32_t as_large = 0;
  bool is_exact = false;
};

// `margin` is taken off the differences first. Errc::unavailable without a finite one.
Result<SignFlipTest> sign_flip_test(std::span<const double> differences, double margin, const PermutationPlan& plan);

// 1 / 2^devices: the smallest p-value that so many can show.
double least_sign_flip_p(std::uint64_t devices);

}  // namespace argosy

// Tails and quantiles of the distributions that tests and bounds need: the one place that knows Boost.Math. Pure. Each
// takes a probability of the upper tail, so that the smallest keep their digits; about 12 of them are right. Out of its
// range an argument gives NaN.
#pragma once

namespace argosy {

double normal_tail(double z);   // P(Z > z)
double normal_point(double p);  // z with P(Z > z) = p, p in (0, 1)

// Student's t with `freedom` > 0 degrees of freedom, not always whole; +infinity is the normal distribution.
double student_tail(double t, double freedom);
double student_point(double p, double freedom);
// P(T > t) where T is off centre by `shift`: the power of a t test.
// Source: N. L. Johnson, S. Kotz, N. Balakrishnan, "Continuous Univariate Distributions" 2, 2nd ed., chapter 31.
double noncentral_student_tail(double t, double freedom, double shift);

double ln_gamma(double a);                          // a > 0
double ln_lower_gamma(double a, double x);          // ln of the regularised lower incomplete gamma function; a, x > 0
double ln_beta(double a, double b);                 // a, b > 0
double ln_choose(double n, double k);               // ln of the binomial coefficient, 0 <= k <= n
double ln_beta_tail(double x, double a, double b);  // ln P(X > x), X beta; to -1e300 and further without underflow

}  // namespace argosy

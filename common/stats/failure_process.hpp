// Do more devices fail than may? Yes-or-no outcomes (install failed, crashed, went silent) against a tolerated share,
// with an e-process: it may be looked at after every device and stopped at any, and still alarms falsely with
// probability at most alpha. Pure; two counts are all its state.
// H0: each device fails, given those before, with probability at most p0. The shares over p0 are mixed by a
// Beta(1/2, 1/2) that is cut off there; for s failures and f successes
// E = B(a + s, b + f) Ic_p0(a + s, b + f) / (B(a, b) Ic_p0(a, b) p0^s (1 - p0)^f).
// A small p0 is taken at its word: the very first device that fails at p0 = 1 % has E = 53.
// Sources: J. Ville, "Etude critique de la notion de collectif", 1939 (the bound); H. Robbins, Ann. Math. Stat. 41(5),
// 1970 (mixtures); A. Ramdas, P. Grunwald, V. Vovk, G. Shafer, Stat. Sci. 38(4), 2023 (e-processes).
#pragma once

#include <cstdint>
#include <optional>

namespace argosy {

struct FailureLimit {
  double share = 0.01;  // p0, in (0, 1)
  double a = 0.5;       // of the mixing Beta distribution
  double b = 0.5;
};

// ln E; 0 before any device. `failures` + `successes` devices have an outcome. NaN when the limit is out of range.
double ln_failure_evidence(const FailureLimit& limit, std::uint64_t failures, std::uint64_t successes);

// E >= 1 / alpha: the limit is exceeded. Once so, it stays decided, whatever E does later.
bool is_evidence_enough(double ln_evidence, double alpha);

// min(1, 1 / E): at the largest E so far a p-value that holds at any time.
double anytime_p_value(double ln_evidence);

// The fewest failures of so many devices that reject at once; nothing when all of them failing would not.
std::optional<std::uint64_t> least_rejecting_failures(const FailureLimit& limit, std::uint64_t devices, double alpha);

}  // namespace argosy

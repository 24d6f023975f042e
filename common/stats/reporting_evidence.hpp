// Do canary devices fall silent more than those that wait? Dead devices make a canary look better, so who still reports
// is a metric, too. E-processes: they may be looked at whenever, and alarm falsely with probability at most alpha.
// Pure; one owner at a time; a few numbers are all their state.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/base/error.hpp"

namespace argosy {

// One window in one class of hardware. A device falls silent once: later it is neither reporting nor silent.
struct SilenceStep {
  std::uint64_t reporting_canaries = 0;  // at the window's begin
  std::uint64_t reporting_controls = 0;
  std::uint64_t silent_canaries = 0;  // of these, those that fell silent in it
  std::uint64_t silent_controls = 0;
};

// H0: whichever devices of a class fall silent in a window, each set of so many is as likely, canary or not; whatever
// the rate, which may change with the hour. Given how many fell silent, the canaries among them are hypergeometric, and
// the evidence is the likelihood ratio of Fisher's noncentral distribution at odds of canaries over controls from 1.5
// to 200, mixed evenly. Odds under 1 are no evidence: the test is one-sided. A fault of a site or a network that has
// canaries alone breaks H0, too: leave out windows in which a site is gone. Sources: J. ter Schure, M. F. Perez-Ortiz,
// A. Ly, P. Grunwald, "The Anytime-Valid Logrank Test", N. Engl. J. Stat. Data Sci. 2(2), 2024 (deaths as they come,
// ties too); R. A. Fisher, J. R. Stat. Soc. 98(1), 1935 (the distribution).
class SilenceEvidence {
 public:
  static constexpr std::array<double, 8> odds = {1.5, 2, 3, 5, 10, 20, 50, 200};
  using State = std::array<double, odds.size()>;  // ln of the evidence for each of the odds

  SilenceEvidence() = default;
  explicit SilenceEvidence(const State& state) : ln_evidences_(state) {}
  const State& state() const { return ln_evidences_; }

  // Linear in the devices that fell silent. More silent than reporting counts as all of them.
  void add(const SilenceStep& step);
  double ln_evidence() const;  // 0 at first; compare by is_evidence_enough() of failure_process.hpp

 private:
  State ln_evidences_{};
};

// Were devices dealt to the arms in the shares they should be? ln of the e-process over independent devices as they
// come: the Dirichlet-multinomial likelihood over that of `shares`, its prior at `concentration` * shares (> 0; the
// larger, the sooner it sees small differences, and the later large ones). Two-sided. Errc::invalid_argument unless
// there are as many shares as counts, at least two, each > 0, and 1 together. Source: M. Lindon, A. Malek,
// "Anytime-Valid Inference for Multinomial Count Data", NeurIPS 2022.
Result<double> ln_ratio_evidence(std::span<const std::uint64_t> counts, std::span<const double> shares,
                                 double concentration = 100);

}  // namespace argosy

// When a rollout's guards are looked at, and how much of its false alarms each look may use. Pure.
// Looks come at 1, 2, 4, 8 ... complete windows, and look k spends alpha / (k (k + 1)): the sum over all looks is alpha
// however long a rollout is watched, and by Boole's inequality its false alarms are at most alpha whatever the
// dependence between looks. Between looks the last decision holds.
#pragma once

#include <cstdint>

namespace argosy {

inline constexpr int look_limit = 63;

constexpr std::uint64_t windows_at_look(int look) {  // look in 1..63
  return std::uint64_t{1} << (look - 1);
}

// How many looks are due after so many complete windows; 0 before the first.
constexpr int looks_due(std::uint64_t windows) {
  int looks = 0;
  while (looks < look_limit && windows_at_look(looks + 1) <= windows) ++looks;
  return looks;
}

// What look k >= 1 may spend; `alpha` is the guard's own, one-sided.
constexpr double alpha_of_look(double alpha, int look) {
  return alpha / (static_cast<double>(look) * (look + 1));
}

// p <= alpha, equal also when the last digits differ: 1/120 is within 0.05/6.
constexpr bool rejects(double p_value, double alpha) {
  return p_value <= alpha * (1 + 1e-9);
}

}  // namespace argosy

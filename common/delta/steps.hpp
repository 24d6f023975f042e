// Numbers that moved by whole counts of a step which their row shares, as compact releases have them: new = old + count
// * step, rounded once to their type. Every machine gets the same bits: a step has 8 significant bits and a count 7, so
// that their product is exact whether it is fused with the sum or not; the sum is one addition of IEEE single
// precision. Pure; callers are compiled with -ffp-contract=off all the same.
#pragma once

#include <cstring>
#include <span>

#include "common/base/encoding.hpp"
#include "common/delta/element.hpp"
#include "common/delta/half_float.hpp"

namespace argosy::tensor {

// A step as patches have it: the bits of a positive bfloat16, in bounds that keep products normal; 0: nothing moved.
using Step = std::uint16_t;
constexpr Step no_step = 0;
constexpr Step least_step = 16 << 7;           // 2^-111
constexpr Step greatest_step = 238 << 7;       // 2^111
constexpr int most_counts = 127;               // either way
constexpr std::size_t shortest_step_row = 64;  // numbers; shorter rows share a step with the next ones
constexpr std::uint64_t longest_step_row = 1ULL << 30;

constexpr bool is_step(Step step) {
  return step == no_step || (step >= least_step && step <= greatest_step);
}

// How many numbers share a step in a tensor with rows of `row_numbers`.
constexpr std::uint64_t numbers_a_step(std::uint64_t row_numbers) {
  if (row_numbers == 0 || row_numbers >= shortest_step_row) return row_numbers;
  return (shortest_step_row + row_numbers - 1) / row_numbers * row_numbers;
}

constexpr bool can_have_steps(Element kind) {
  return kind == Element::f32 || kind == Element::f16 || kind == Element::bf16;
}

template <Element kind>
constexpr float to_float(typename ElementTraits<kind>::Word word) {
  if constexpr (kind == Element::f16) return float_of_half(word);
  if constexpr (kind == Element::bf16) return float_of_bfloat(word);
  if constexpr (kind == Element::f32) return std::bit_cast<float>(word);
}
template <Element kind>
constexpr typename ElementTraits<kind>::Word from_float(float value) {
  if constexpr (kind == Element::f16) return half_of_float(value);
  if constexpr (kind == Element::bf16) return bfloat_of_float(value);
  if constexpr (kind == Element::f32) return std::bit_cast<std::uint32_t>(value);
}

// A count of 0 keeps every bit, also of zeros with a sign and of what is no number.
template <Element kind>
constexpr typename ElementTraits<kind>::Word moved(typename ElementTraits<kind>::Word old, int count, float step) {
  const float sum = to_float<kind>(old) + static_cast<float>(count) * step;
  return count == 0 ? old : from_float<kind>(sum);
}

// Calls f.template operator()<kind>() for a kind that can have steps.
template <class F>
constexpr decltype(auto) with_stepped(Element kind, F&& f) {
  if (kind == Element::f16) return f.template operator()<Element::f16>();
  if (kind == Element::bf16) return f.template operator()<Element::bf16>();
  return f.template operator()<Element::f32>();
}

struct Scaling;

// The new numbers: `counts` has one signed byte a number, `steps` holds the rows' steps as its factors.
void add_steps(Element kind, const Scaling& steps, ByteView old, ByteView counts, std::span<std::uint8_t> fresh);

}  // namespace argosy::tensor

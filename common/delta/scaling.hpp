// Multiplies the old numbers of a piece by their rows' factors, in whole numbers, so that every machine gets the same.
#pragma once

#include "common/delta/tensor_format.hpp"

namespace argosy::tensor {

// 8-bit numbers, rounded to nearest; what overflows wraps, on both sides alike.
inline void scale_numbers(std::span<std::uint8_t> numbers, const Scaling& scaling) {
  const std::size_t count = scaling.factors.size();
  if (count == 0) return;
  std::uint64_t position = scaling.phase;
  std::size_t row = static_cast<std::size_t>(position / scaling.inner % count);
  std::uint64_t left = scaling.inner - position % scaling.inner;
  for (std::uint8_t& number : numbers) {
    const std::int32_t product = static_cast<std::int8_t>(number) * static_cast<std::int32_t>(scaling.factors[row]);
    number = static_cast<std::uint8_t>((product + (1 << (factor_bits - 1))) >> factor_bits);
    if (--left != 0) continue;
    left = scaling.inner;
    row = row + 1 == count ? 0 : row + 1;
  }
}

}  // namespace argosy::tensor

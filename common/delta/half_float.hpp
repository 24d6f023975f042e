// 16-bit floats from and to single precision, by integers alone: every machine and compiler gets the same bits. To the
// nearest, ties to even; what is too large becomes infinity. Pure.
#pragma once

#include <bit>
#include <cstdint>

namespace argosy {

// Exact: every f16 is a float.
constexpr float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t exponent = (half >> 10) & 31, mantissa = half & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float value = static_cast<float>(mantissa) * 0x1p-24F;
  return sign != 0 ? -value : value;
}

constexpr std::uint16_t half_of_float(float value) {
  constexpr std::uint32_t infinity = 0x7f800000, least_normal = 113U << 23, least_rounded_up = 102U << 23;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  const auto with_sign = [&](std::uint32_t half) { return static_cast<std::uint16_t>(sign | half); };
  if (magnitude > infinity) return with_sign(0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 143U << 23) return with_sign(0x7c00);
  if (magnitude >= least_normal) return with_sign((magnitude - (112U << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13);
  if (magnitude < least_rounded_up) return with_sign(0);
  const std::uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000, shift = 126 - (magnitude >> 23);
  return with_sign((mantissa + (1U << (shift - 1)) - 1 + (mantissa >> shift & 1)) >> shift);
}

constexpr float float_of_bfloat(std::uint16_t bfloat) {
  return std::bit_cast<float>(std::uint32_t{bfloat} << 16);
}

constexpr std::uint16_t bfloat_of_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace argosy

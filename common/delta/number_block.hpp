// GGUF's quantised blocks of 32 numbers, taken apart: the scales (f16) and the numbers (i8) are coded as two runs, and
// old numbers are brought to the new scale first. q8_0: scale, 32 signed bytes. q4_0: scale, 32 numbers of 4 bits less
// 8, the first 16 in the low halves of 16 bytes. Pure.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>

#include "common/base/encoding.hpp"
#include "common/delta/element.hpp"
#include "common/delta/half_float.hpp"

namespace argosy::tensor {

constexpr std::size_t block_numbers = 32;
constexpr std::size_t scale_bytes = 2;

struct Blocks {
  Bytes scales;   // f16
  Bytes numbers;  // i8
};

inline Blocks take_apart(Element kind, ByteView bytes) {
  const std::size_t width = width_of(kind), count = bytes.size() / width;
  Blocks blocks{Bytes(count * scale_bytes), Bytes(count * block_numbers)};
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* from = bytes.data() + i * width;
    std::memcpy(blocks.scales.data() + i * scale_bytes, from, scale_bytes);
    from += scale_bytes;
    std::uint8_t* numbers = blocks.numbers.data() + i * block_numbers;
    if (kind == Element::q8_0) {
      std::memcpy(numbers, from, block_numbers);
      continue;
    }
    for (std::size_t k = 0; k < block_numbers / 2; ++k) {
      numbers[k] = static_cast<std::uint8_t>((from[k] & 15) - 8);
      numbers[k + block_numbers / 2] = static_cast<std::uint8_t>((from[k] >> 4) - 8);
    }
  }
  return blocks;
}

inline void put_together(Element kind, const Blocks& blocks, std::span<std::uint8_t> bytes) {
  const std::size_t width = width_of(kind), count = bytes.size() / width;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint8_t* to = bytes.data() + i * width;
    std::memcpy(to, blocks.scales.data() + i * scale_bytes, scale_bytes);
    to += scale_bytes;
    const std::uint8_t* numbers = blocks.numbers.data() + i * block_numbers;
    if (kind == Element::q8_0) {
      std::memcpy(to, numbers, block_numbers);
      continue;
    }
    for (std::size_t k = 0; k < block_numbers / 2; ++k) {
      const unsigned low = (numbers[k] + 8U) & 15U, high = (numbers[k + block_numbers / 2] + 8U) & 15U;
      to[k] = static_cast<std::uint8_t>(low | high << 4);
    }
  }
}

// Old numbers as they would be at the new scales: one division, one product and one rounding of IEEE single precision
// each, so that every machine gets the same.
inline void bring_to_scale(Blocks& old, const Bytes& new_scales, Element kind) {
  const float least = kind == Element::q8_0 ? -128 : -8, greatest = kind == Element::q8_0 ? 127 : 7;
  for (std::size_t i = 0; i * scale_bytes < new_scales.size(); ++i) {
    std::uint16_t before = 0, now = 0;
    std::memcpy(&before, old.scales.data() + i * scale_bytes, scale_bytes);
    std::memcpy(&now, new_scales.data() + i * scale_bytes, scale_bytes);
    if (before == now) continue;
    const float ratio = float_of_half(before) / float_of_half(now);
    if (!std::isfinite(ratio)) continue;
    for (std::size_t k = 0; k < block_numbers; ++k) {
      std::uint8_t& number = old.numbers[i * block_numbers + k];
      const float moved = static_cast<float>(static_cast<std::int8_t>(number)) * ratio;
      number = static_cast<std::uint8_t>(static_cast<std::int8_t>(std::lrintf(std::clamp(moved, least, greatest))));
    }
  }
}

}  // namespace argosy::tensor

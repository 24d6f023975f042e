// The kinds of numbers that tensors are made of, and how many bytes they take. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace argosy {

enum class ElementType : std::uint8_t {
  f64,
  f32,
  f16,
  bf16,
  i64,
  u64,
  i32,
  u32,
  i16,
  u16,
  i8,
  u8,
  boolean,
  q8_0,  // GGUF: 32 values in 34 bytes
  q4_0,  // GGUF: 32 values in 18 bytes
  other,
};

std::string_view name_of(ElementType type);

// Bytes of one element; 0 for the block-quantised and other.
std::size_t bytes_of(ElementType type);

// Values are stored in blocks of equal size; plain types have one value a block.
struct BlockLayout {
  std::uint64_t values = 0;
  std::uint64_t bytes = 0;
};

// {0, 0} for ElementType::other.
BlockLayout layout_of(ElementType type);

using Dimensions = std::span<const std::int64_t>;

// How many values a shape has; none when a dimension is negative or the product leaves 64 bits.
std::optional<std::uint64_t> count_of(Dimensions shape);

// Bytes of a tensor; none also when its rows are not whole blocks.
std::optional<std::uint64_t> size_of(BlockLayout layout, Dimensions shape);

}  // namespace argosy

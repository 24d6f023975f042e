#include "common/tensors/element_type.hpp"

namespace argosy {

std::string_view name_of(ElementType type) {
  switch (type) {
    case ElementType::f64:
      return "f64";
    case ElementType::f32:
      return "f32";
    case ElementType::f16:
      return "f16";
    case ElementType::bf16:
      return "bf16";
    case ElementType::i64:
      return "i64";
    case ElementType::u64:
      return "u64";
    case ElementType::i32:
      return "i32";
    case ElementType::u32:
      return "u32";
    case ElementType::i16:
      return "i16";
    case ElementType::u16:
      return "u16";
    case ElementType::i8:
      return "i8";
    case ElementType::u8:
      return "u8";
    case ElementType::boolean:
      return "bool";
    case ElementType::q8_0:
      return "q8_0";
    case ElementType::q4_0:
      return "q4_0";
    case ElementType::other:
      break;
  }
  return "other";
}

BlockLayout layout_of(ElementType type) {
  switch (type) {
    case ElementType::f64:
    case ElementType::i64:
    case ElementType::u64:
      return {1, 8};
    case ElementType::f32:
    case ElementType::i32:
    case ElementType::u32:
      return {1, 4};
    case ElementType::f16:
    case ElementType::bf16:
    case ElementType::i16:
    case ElementType::u16:
      return {1, 2};
    case ElementType::i8:
    case ElementType::u8:
    case ElementType::boolean:
      return {1, 1};
    case ElementType::q8_0:
      return {32, 34};
    case ElementType::q4_0:
      return {32, 18};
    case ElementType::other:
      break;
  }
  return {0, 0};
}

std::size_t bytes_of(ElementType type) {
  const BlockLayout layout = layout_of(type);
  return layout.values == 1 ? static_cast<std::size_t>(layout.bytes) : 0;
}

std::optional<std::uint64_t> count_of(Dimensions shape) {
  std::uint64_t count = 1;
  for (const std::int64_t dimension : shape)
    if (dimension < 0 || __builtin_mul_overflow(count, static_cast<std::uint64_t>(dimension), &count))
      return std::nullopt;
  return count;
}

std::optional<std::uint64_t> size_of(BlockLayout layout, Dimensions shape) {
  const std::uint64_t row = shape.empty() ? 1 : static_cast<std::uint64_t>(shape.back());
  if (layout.values == 0 || row % layout.values != 0) return std::nullopt;
  const auto count = count_of(shape);
  std::uint64_t size = 0;
  if (!count || __builtin_mul_overflow(*count / layout.values, layout.bytes, &size)) return std::nullopt;
  return size;
}

}  // namespace argosy

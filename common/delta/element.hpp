// The numbers that tensors are made of, as the residual coder sees them: each as an unsigned word whose order is that
// of the numbers, so that near numbers have a small difference of words. Pure; the inner loops of both sides.
#pragma once

#include <cstdint>

namespace argosy {

// The values are part of the patch format.
enum class Element : std::uint8_t {
  byte = 0,
  i8 = 1,
  i16 = 2,
  i32 = 3,
  f16 = 4,
  bf16 = 5,
  f32 = 6,
  q8_0 = 7,  // blocks, see number_block.hpp
  q4_0 = 8,
};
constexpr std::size_t element_kinds = 9;
constexpr std::size_t plain_kinds = 7;  // the first ones: those with words of their own
constexpr bool is_block(Element kind) {
  return kind >= Element::q8_0;
}

template <class W>
struct Integer {
  using Word = W;
  static constexpr int bits = 8 * sizeof(W);
  static constexpr bool is_float = false;
  static constexpr Word to_key(Word value) { return value; }
  static constexpr Word from_key(Word key) { return key; }
  static constexpr int exponent(Word) { return 0; }
  static constexpr bool is_zero(Word) { return false; }
};

// IEEE 754 binary formats, and bfloat16: sign, exponent, mantissa.
template <class W, int mantissa_bits>
struct Float {
  using Word = W;
  static constexpr int bits = 8 * sizeof(W);
  static constexpr bool is_float = true;
  static constexpr Word sign = static_cast<Word>(Word{1} << (bits - 1));
  // Turns the bits of negative numbers round, and sets the sign of the others. Without a branch: signs are random.
  static constexpr Word to_key(Word value) { return static_cast<Word>(value ^ (all_if(value) | sign)); }
  static constexpr Word from_key(Word key) { return static_cast<Word>(key ^ (all_if(static_cast<Word>(~key)) | sign)); }
  // The step between neighbours is 2^(exponent + a constant); numbers below the normal ones share the least.
  static constexpr int exponent(Word value) {
    const int field = (value & static_cast<Word>(~sign)) >> mantissa_bits;
    return field == 0 ? 1 : field;
  }
  static constexpr bool is_zero(Word value) { return (value & static_cast<Word>(~sign)) == 0; }

 private:
  static constexpr Word all_if(Word signed_value) { return static_cast<Word>(0U - (signed_value >> (bits - 1))); }
};

template <Element kind>
struct ElementTraits;
template <>
struct ElementTraits<Element::byte> : Integer<std::uint8_t> {};
template <>
struct ElementTraits<Element::i8> : Integer<std::uint8_t> {};
template <>
struct ElementTraits<Element::i16> : Integer<std::uint16_t> {};
template <>
struct ElementTraits<Element::i32> : Integer<std::uint32_t> {};
template <>
struct ElementTraits<Element::f16> : Float<std::uint16_t, 10> {};
template <>
struct ElementTraits<Element::bf16> : Float<std::uint16_t, 7> {};
template <>
struct ElementTraits<Element::f32> : Float<std::uint32_t, 23> {};

// Calls f.template operator()<kind>() for the plain kind that is known only at run time.
template <class F>
constexpr decltype(auto) with_element(Element kind, F&& f) {
  switch (kind) {
    case Element::i8:
      return f.template operator()<Element::i8>();
    case Element::i16:
      return f.template operator()<Element::i16>();
    case Element::i32:
      return f.template operator()<Element::i32>();
    case Element::f16:
      return f.template operator()<Element::f16>();
    case Element::bf16:
      return f.template operator()<Element::bf16>();
    case Element::f32:
      return f.template operator()<Element::f32>();
    default:
      break;
  }
  return f.template operator()<Element::byte>();
}

constexpr std::size_t width_of(Element kind) {
  if (kind == Element::q8_0) return 34;
  if (kind == Element::q4_0) return 18;
  return with_element(kind, []<Element k>() { return sizeof(typename ElementTraits<k>::Word); });
}

}  // namespace argosy

// How the difference between an old and a new number becomes a symbol, raw bits and a context. Both sides run exactly
// this, in groups of sixteen elements that share one prediction. Pure; one Level a kind and chunk.
//
// What makes fine-tuned weights small: a training step moves weights by about the same absolute amount, so the size of
// a difference of words is that amount over the step between neighbouring floats. Level follows log2 of the amount over
// the last 64 elements, and the context is what it predicts for the exponent at hand. The sign is taken relative to the
// old number's, because weight decay pulls towards zero.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "common/delta/element.hpp"

namespace argosy::residual {

static_assert(std::endian::native == std::endian::little, "numbers are taken from files as they lie there");

constexpr std::size_t group = 16;  // elements that share one prediction
constexpr int contexts = 64;
constexpr int zero_context = 63;  // of floats that were 0: pruned weights stay 0
constexpr std::size_t symbols = 256;

enum class Mode : std::uint8_t {
  delta = 0,   // against the old number
  intra = 1,   // the number by itself
  serial = 2,  // against the number before it: sorted indices, slow ramps
  counts = 3,  // signed bytes, small and around 0: counts of steps
};
constexpr std::size_t modes = 3;  // that every kind has
// The families of contexts: one for each kind and mode, and one for counts.
constexpr std::size_t families = modes * plain_kinds + 1;
constexpr std::size_t family_of(Element kind, Mode mode) {
  if (mode == Mode::counts) return families - 1;
  return modes * static_cast<std::size_t>(kind) + static_cast<std::size_t>(mode);
}

struct Coded {
  std::uint8_t symbol = 0;
  std::uint8_t raw_bits = 0;
  std::uint32_t raw = 0;
};

// A magnitude as a token of 0..127: itself below 8, else its bit length and the two bits after the leading one. The
// rest of its bits are raw.
constexpr std::uint32_t token_of(std::uint32_t magnitude) {
  if (magnitude < 8) return magnitude;
  const int length = std::bit_width(magnitude);
  return static_cast<std::uint32_t>(8 + 4 * (length - 4)) + ((magnitude >> (length - 3)) & 3);
}

// 2 * log2 of a magnitude, rounded down to halves; 0 for 0.
constexpr int half_steps(std::uint32_t magnitude) {
  const int length = std::bit_width(magnitude);
  return length < 2 ? 2 * length : 2 * length + static_cast<int>((magnitude >> (length - 2)) & 1);
}

// What a symbol stands for, looked up because what it depends on is random: of all bits that may follow it, the number
// found is base + (raw bits ^ flip).
struct Token {
  std::uint32_t base = 0;
  std::uint8_t raw_bits = 0;
  std::int8_t flip = 0;    // 0, or -1: downwards
  std::uint16_t size = 0;  // for the level, in half steps
};
using Tokens = std::array<Token, symbols>;

// Of tokens with a sign, which is the symbol's lowest bit. Those that need more raw bits are of damaged patches alone.
constexpr Tokens make_signed_tokens(std::size_t most_raw_bits) {
  Tokens made{};
  for (std::uint32_t symbol = 0; symbol < symbols; ++symbol) {
    const std::uint32_t token = symbol >> 1;
    const std::size_t raw_bits = token < 8 ? 0 : (token - 8) / 4 + 1;
    if (raw_bits > most_raw_bits) break;
    const std::uint32_t least = token < 8 ? token : (4 + (token & 3)) << raw_bits;
    const bool down = (symbol & 1) != 0;
    made[symbol] = {down ? 1 - least : least, static_cast<std::uint8_t>(raw_bits),
                    static_cast<std::int8_t>(down ? -1 : 0), static_cast<std::uint16_t>(half_steps(least))};
  }
  return made;
}

// Of signed numbers of 8 bits, the near ones first: 0, -1, 1, -2, 2 and so on. `size` of a magnitude.
template <class Size>
constexpr Tokens make_byte_tokens(Size size) {
  Tokens made{};
  for (std::uint32_t symbol = 0; symbol < symbols; ++symbol) {
    const std::uint32_t magnitude = (symbol + 1) >> 1;
    made[symbol] = {(symbol & 1) != 0 ? 0 - magnitude : magnitude, 0, 0, static_cast<std::uint16_t>(size(magnitude))};
  }
  return made;
}

// Of words whose upper 8 bits are the symbol.
template <class Size>
constexpr Tokens make_upper_tokens(int low_bits, Size size) {
  Tokens made{};
  for (std::uint32_t symbol = 0; symbol < symbols; ++symbol)
    made[symbol] = {symbol << low_bits, static_cast<std::uint8_t>(low_bits), 0,
                    static_cast<std::uint16_t>(size(symbol))};
  return made;
}

// The mean of a measure over the last 64 elements or so.
class Level {
 public:
  int mean() const { return static_cast<int>(sum_ >> 6); }
  std::uint32_t sum() const { return sum_; }
  bool started() const { return started_; }
  void start(int mean) {
    sum_ = static_cast<std::uint32_t>(mean) << 6;
    started_ = true;
  }
  // `total` of `members` elements, at most 64 at once.
  void take(int total, std::size_t members) {
    sum_ += static_cast<std::uint32_t>(total) - static_cast<std::uint32_t>((members * sum_) >> 6);
  }

 private:
  std::uint32_t sum_ = 0;
  bool started_ = false;
};

// 0..20 for the level of 8-bit numbers, in half steps of its logarithm.
inline int fine_level(const Level& level) {
  return std::min(half_steps(level.sum()) - (level.sum() > 1 ? 2 : 0), 20);
}

// What one kind of number does in one mode. The level is started at the first number of a chunk; then for each group
// what is `expected`, for each number its `context`, a symbol and raw bits that say what is `found`, and its `measure`
// for the level. `old` is the word that it is compared with, 0 in mode intra.
template <Element kind, Mode mode>
struct Coder {
  using Traits = ElementTraits<kind>;
  using Word = typename Traits::Word;
  static constexpr bool is_narrow = sizeof(Word) == 1;
  static constexpr std::size_t most_raw_bits = is_narrow ? 0 : Traits::bits - 3;  // of one number
  static constexpr Tokens tokens =
      is_narrow
          ? make_byte_tokens([](std::uint32_t magnitude) { return magnitude == 0 ? 0 : 2 + half_steps(magnitude); })
          : make_signed_tokens(most_raw_bits);
  static constexpr bool measures_old = !is_narrow;

  static int first_mean(Word old) { return is_narrow ? 2 : 20 + 2 * Traits::exponent(old); }
  static int expected(const Level& level) { return is_narrow ? fine_level(level) : level.mean(); }
  static int context(int expected, Word old) {
    if constexpr (kind == Element::byte) return 2 * expected + (old == 0 ? 1 : 0);
    if constexpr (kind == Element::i8) {
      const int magnitude = std::abs(static_cast<std::int8_t>(old));
      return 3 * expected + (magnitude < 8 ? 0 : magnitude < 40 ? 1 : 2);
    }
    const int near = std::clamp(expected - 2 * Traits::exponent(old), 0, zero_context - 1);
    return Traits::is_zero(old) ? zero_context : near;
  }
  static Coded encode(Word old, Word fresh) {
    const Word difference = mirror(static_cast<Word>(Traits::to_key(fresh) - Traits::to_key(old)), old);
    const bool down = is_negative(difference);
    const std::uint32_t magnitude = static_cast<Word>(down ? -difference : difference);
    if constexpr (is_narrow) return {static_cast<std::uint8_t>(2 * magnitude - (down ? 1 : 0)), 0, 0};
    const std::uint32_t up = 2 * token_of(magnitude);
    return {static_cast<std::uint8_t>(up + (down ? 1 : 0)), tokens[up].raw_bits, magnitude - tokens[up].base};
  }
  static Word decode(Word old, Word found) {
    return Traits::from_key(static_cast<Word>(Traits::to_key(old) + mirror(found, old)));
  }
  static int measure(int expected, Word old, int size) {
    if constexpr (!measures_old) return size;
    return Traits::is_zero(old) ? expected : size + 2 * Traits::exponent(old);
  }

 private:
  static constexpr bool is_negative(Word value) { return (value >> (Traits::bits - 1)) != 0; }
  // Turns a difference so that up means away from zero; undoes itself.
  static Word mirror(Word difference, Word old) {
    if constexpr (mode != Mode::delta || kind == Element::byte) return difference;
    const auto turned = static_cast<Word>(0U - (old >> (Traits::bits - 1)));
    return static_cast<Word>((difference ^ turned) - turned);
  }
};

// The sign last: the exponent and what follows of the mantissa make the symbol.
template <Element kind>
struct Coder<kind, Mode::intra> {
  using Traits = ElementTraits<kind>;
  using Word = typename Traits::Word;
  static constexpr bool is_narrow = sizeof(Word) == 1;
  static constexpr int low_bits = Traits::bits - 8;
  static constexpr Tokens tokens = make_upper_tokens(low_bits, [](std::uint32_t symbol) {
    if (is_narrow) return half_steps(symbol < 128 ? symbol : 256 - symbol);
    if (!Traits::is_float) return static_cast<int>(symbol / 4);
    return 2 * std::max(1, static_cast<int>(kind == Element::f16 ? symbol >> 3 : symbol));
  });
  static constexpr std::size_t most_raw_bits = low_bits;
  static constexpr bool measures_old = false;

  static int first_mean(Word) { return is_narrow ? 10 : kind == Element::f16 ? 22 : Traits::is_float ? 240 : 0; }
  static int expected(const Level& level) {
    if (is_narrow) return fine_level(level);
    // Most weights lie between 2^-33 and 2^-2.
    return std::clamp(level.mean() - (kind == Element::f16 || !Traits::is_float ? 0 : 188), 0, contexts - 1);
  }
  static int context(int expected, Word) { return expected; }
  static Coded encode(Word, Word fresh) {
    const Word turned = std::rotl(fresh, is_narrow ? 0 : 1);
    return {static_cast<std::uint8_t>(turned >> low_bits), static_cast<std::uint8_t>(low_bits),
            static_cast<std::uint32_t>(turned) & ((std::uint32_t{1} << low_bits) - 1)};
  }
  static Word decode(Word, Word found) { return std::rotr(found, is_narrow ? 0 : 1); }
  static int measure(int, Word, int size) { return size; }
};

// Counts of steps: what their neighbours' magnitudes add up to says how large they will be.
template <>
struct Coder<Element::i8, Mode::counts> {
  using Word = std::uint8_t;
  static constexpr Tokens tokens = make_byte_tokens([](std::uint32_t magnitude) { return 2 * magnitude; });
  static constexpr std::size_t most_raw_bits = 0;
  static constexpr bool measures_old = false;

  static int first_mean(Word) { return 4; }
  static int expected(const Level& level) { return std::min(quarter_steps(level.sum()), contexts - 1); }
  static int context(int expected, Word) { return expected; }
  static Coded encode(Word, Word fresh) {
    const int count = static_cast<std::int8_t>(fresh);
    return {static_cast<std::uint8_t>(count < 0 ? -2 * count - 1 : 2 * count), 0, 0};
  }
  static Word decode(Word, Word found) { return found; }
  static int measure(int, Word, int size) { return size; }

 private:
  // 4 * log2, rounded down to quarters.
  static int quarter_steps(std::uint32_t sum) {
    if (sum < 4) return static_cast<int>(sum);
    const int length = std::bit_width(sum);
    return 4 * (length - 2) + static_cast<int>((sum >> (length - 3)) & 3);
  }
};

}  // namespace argosy::residual

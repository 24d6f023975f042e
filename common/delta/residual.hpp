// How the difference between an old and a new number becomes a symbol, raw bits and a context. Both sides run exactly
// this, element by element, in groups of four. Pure; one Level a kind and chunk.
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

constexpr std::size_t group = 4;  // elements that share one prediction, and lanes of the entropy coder
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

// What a token stands for, looked up because what it depends on is random.
struct Token {
  std::uint32_t least = 0;  // magnitude
  std::uint8_t raw_bits = 0;
  std::uint8_t half_steps = 0;  // of every magnitude that it stands for
};
constexpr std::array<Token, 128> make_tokens() {
  std::array<Token, 128> tokens{};
  for (std::uint32_t token = 0; token < 124; ++token) {
    const int raw_bits = token < 8 ? 0 : static_cast<int>((token - 8) / 4) + 1;
    const std::uint32_t least = token < 8 ? token : (4 + (token & 3)) << raw_bits;
    tokens[token] = {least, static_cast<std::uint8_t>(raw_bits), static_cast<std::uint8_t>(half_steps(least))};
  }
  return tokens;
}
inline constexpr std::array<Token, 128> tokens = make_tokens();

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
  void take_group(int total) { sum_ += static_cast<std::uint32_t>(total) - (sum_ >> 4); }

 private:
  std::uint32_t sum_ = 0;
  bool started_ = false;
};

// 0..20 for the level of 8-bit numbers, in half steps of its logarithm.
inline int fine_level(const Level& level) {
  return std::min(half_steps(level.sum()) - (level.sum() > 1 ? 2 : 0), 20);
}

// What one kind of number does in one mode: `start` at the first of a chunk, then for each element `context`, then
// `encode` or `decode`, then `measure`. `old` is the word that it is compared with, 0 in mode intra.
template <Element kind, Mode mode>
struct Coder {
  using Traits = ElementTraits<kind>;
  using Word = typename Traits::Word;

  static int first_mean(Word old) { return sizeof(Word) == 1 ? 2 : 20 + 2 * Traits::exponent(old); }
  static int context(const Level& level, Word old) {
    if constexpr (kind == Element::byte) return 2 * fine_level(level) + (old == 0 ? 1 : 0);
    if constexpr (kind == Element::i8) {
      const int magnitude = std::abs(static_cast<std::int8_t>(old));
      return 3 * fine_level(level) + (magnitude < 8 ? 0 : magnitude < 40 ? 1 : 2);
    }
    if (Traits::is_zero(old)) return zero_context;
    return std::clamp(level.mean() - 2 * Traits::exponent(old), 0, zero_context - 1);
  }
  static Coded encode(Word old, Word fresh) {
    const Word difference = mirror(static_cast<Word>(Traits::to_key(fresh) - Traits::to_key(old)), old);
    const bool down = is_negative(difference);
    const std::uint32_t magnitude = static_cast<Word>(down ? -difference : difference);
    if constexpr (sizeof(Word) == 1) return {static_cast<std::uint8_t>(2 * magnitude - (down ? 1 : 0)), 0, 0};
    const std::uint32_t token = token_of(magnitude);
    return {static_cast<std::uint8_t>(2 * token + (down ? 1 : 0)), tokens[token].raw_bits,
            magnitude - tokens[token].least};
  }
  static constexpr std::size_t most_raw_bits = sizeof(Word) == 1 ? 0 : 32;  // of one element
  static int raw_bits(std::uint8_t symbol) { return sizeof(Word) == 1 ? 0 : tokens[symbol >> 1].raw_bits; }
  static Word decode(Word old, std::uint8_t symbol, std::uint32_t raw) {
    const std::uint32_t down = 0U - (symbol & 1U);  // all bits or none
    const std::uint32_t magnitude = sizeof(Word) == 1 ? (symbol + 1U) >> 1 : tokens[symbol >> 1].least + raw;
    const auto difference = static_cast<Word>((magnitude ^ down) - down);
    return Traits::from_key(static_cast<Word>(Traits::to_key(old) + mirror(difference, old)));
  }
  static int measure(const Level& level, Word old, std::uint8_t symbol, std::uint32_t) {
    if constexpr (sizeof(Word) == 1) {
      const std::uint32_t magnitude = (symbol + 1U) >> 1;
      return magnitude == 0 ? 0 : 2 + half_steps(magnitude);
    }
    if (Traits::is_zero(old)) return level.mean();
    return tokens[symbol >> 1].half_steps + 2 * Traits::exponent(old);
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

template <Element kind>
struct Coder<kind, Mode::intra> {
  using Traits = ElementTraits<kind>;
  using Word = typename Traits::Word;
  static constexpr int low_bits = Traits::bits - 8;

  static int first_mean(Word) {
    return sizeof(Word) == 1 ? 10 : kind == Element::f16 ? 22 : Traits::is_float ? 240 : 0;
  }
  static int context(const Level& level, Word) {
    if constexpr (sizeof(Word) == 1) return fine_level(level);
    // Most weights lie between 2^-33 and 2^-2.
    return std::clamp(level.mean() - (kind == Element::f16 || !Traits::is_float ? 0 : 188), 0, contexts - 1);
  }
  // The sign last: the exponent and what follows of the mantissa make the symbol.
  static Coded encode(Word, Word fresh) {
    const Word turned = std::rotl(fresh, sizeof(Word) == 1 ? 0 : 1);
    return {static_cast<std::uint8_t>(turned >> low_bits), static_cast<std::uint8_t>(low_bits),
            static_cast<std::uint32_t>(turned) & ((std::uint32_t{1} << low_bits) - 1)};
  }
  static constexpr std::size_t most_raw_bits = low_bits;
  static int raw_bits(std::uint8_t) { return low_bits; }
  static Word decode(Word, std::uint8_t symbol, std::uint32_t raw) {
    const Word turned = static_cast<Word>((static_cast<std::uint32_t>(symbol) << low_bits) | raw);
    return std::rotr(turned, sizeof(Word) == 1 ? 0 : 1);
  }
  static int measure(const Level&, Word, std::uint8_t symbol, std::uint32_t raw) {
    if constexpr (sizeof(Word) == 1)
      return half_steps(static_cast<std::uint32_t>(std::abs(static_cast<std::int8_t>(symbol))));
    return Traits::is_float ? 2 * Traits::exponent(decode(0, symbol, raw)) : symbol / 4;
  }
};

// Counts of steps: what their neighbours' magnitudes add up to says how large they will be.
template <>
struct Coder<Element::i8, Mode::counts> {
  using Word = std::uint8_t;

  static int first_mean(Word) { return 4; }
  static int context(const Level& level, Word) { return std::min(quarter_steps(level.sum()), contexts - 1); }
  static Coded encode(Word, Word fresh) {
    const int count = static_cast<std::int8_t>(fresh);
    return {static_cast<std::uint8_t>(count < 0 ? -2 * count - 1 : 2 * count), 0, 0};
  }
  static constexpr std::size_t most_raw_bits = 0;
  static int raw_bits(std::uint8_t) { return 0; }
  static Word decode(Word, std::uint8_t symbol, std::uint32_t) {
    const int magnitude = (symbol + 1) >> 1;
    return static_cast<Word>((symbol & 1) != 0 ? -magnitude : magnitude);
  }
  static int measure(const Level&, Word, std::uint8_t symbol, std::uint32_t) { return (symbol + 1) & ~1; }

 private:
  // 4 * log2, rounded down to quarters.
  static int quarter_steps(std::uint32_t sum) {
    if (sum < 4) return static_cast<int>(sum);
    const int length = std::bit_width(sum);
    return 4 * (length - 2) + static_cast<int>((sum >> (length - 3)) & 3);
  }
};

}  // namespace argosy::residual

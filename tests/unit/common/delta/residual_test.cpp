#include "common/delta/residual.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy::residual {
namespace {

template <Element kind, Mode mode>
void expect_exact(std::uint32_t old, std::uint32_t fresh) {
  using Coder = Coder<kind, mode>;
  using Word = typename Coder::Word;
  const auto before = static_cast<Word>(old), now = static_cast<Word>(fresh);
  Level level;
  level.start(Coder::first_mean(before));
  for (const int measure : {0, 5, 300}) {
    level.take(4 * measure, 4);
    const int context = Coder::context(Coder::expected(level), before);
    EXPECT_GE(context, 0);
    EXPECT_LT(context, contexts);
  }
  const Coded coded = Coder::encode(before, now);
  const Token& token = Coder::tokens[coded.symbol];
  ASSERT_EQ(token.raw_bits, coded.raw_bits);
  const auto found = static_cast<Word>(token.base + (coded.raw ^ static_cast<std::uint32_t>(token.flip)));
  ASSERT_EQ(Coder::decode(before, found), now) << "from " << +before << " to " << +now;
  EXPECT_GE(Coder::measure(Coder::expected(level), before, token.size), 0);
}

template <Element kind>
void expect_exact_in_all_modes(std::uint32_t old, std::uint32_t fresh) {
  expect_exact<kind, Mode::delta>(old, fresh);
  expect_exact<kind, Mode::intra>(old, fresh);
  expect_exact<kind, Mode::serial>(old, fresh);
}

// Zeros of both signs, the least and greatest numbers, infinities, and what is no number, in each format.
const std::vector<std::uint32_t> corners{0,          1,          0x7f,       0x80,       0xff,       0x7c00,
                                         0x7c01,     0x7f80,     0x8000,     0x8001,     0xfc00,     0xff80,
                                         0xffff,     0x007fffff, 0x00800000, 0x7f7fffff, 0x7f800000, 0x7fc00000,
                                         0x7fffffff, 0x80000000, 0x80000001, 0xff800000, 0xffffffff};

TEST(Residual, EveryPairOfNumbersComesBack) {
  Rng rng(1);
  std::vector<std::uint32_t> words = corners;
  for (int i = 0; i < 200; ++i) words.push_back(static_cast<std::uint32_t>(rng()));
  for (const std::uint32_t old : words)
    for (const std::uint32_t fresh : words) {
      for (std::size_t kind = 0; kind < plain_kinds; ++kind)
        with_element(static_cast<Element>(kind), [&]<Element k>() { expect_exact_in_all_modes<k>(old, fresh); });
      if (HasFatalFailure()) return;
    }
}

TEST(Residual, KeysOrderFloatsAsTheirValues) {
  using F32 = ElementTraits<Element::f32>;
  const auto key = [](float value) { return F32::to_key(std::bit_cast<std::uint32_t>(value)); };
  const float ordered[] = {-INFINITY, -2.5F, -1.0F, -1e-40F, -0.0F, 0.0F, 1e-40F, 1.0F, std::nextafter(1.0F, 2.0F),
                           3e38F};
  for (std::size_t i = 1; i < std::size(ordered); ++i) EXPECT_LT(key(ordered[i - 1]), key(ordered[i])) << ordered[i];
  EXPECT_EQ(key(std::nextafter(1.0F, 2.0F)) - key(1.0F), 1U);
}

TEST(Residual, TokensSplitMagnitudesWithoutGapOrOverlap) {
  constexpr Tokens tokens = make_signed_tokens(29);
  std::uint64_t magnitude = 0;
  for (std::uint32_t token = 0; token < 124; ++token) {
    const Token& up = tokens[2 * token];
    const Token& down = tokens[2 * token + 1];
    EXPECT_EQ(up.base, magnitude) << token;
    EXPECT_EQ(token_of(static_cast<std::uint32_t>(magnitude)), token);
    EXPECT_EQ(down.base + 0xffffffffU, 0U - up.base) << "of raw bits 0";
    EXPECT_EQ(down.size, up.size);
    magnitude += std::uint64_t{1} << up.raw_bits;
    EXPECT_EQ(token_of(static_cast<std::uint32_t>(magnitude - 1)), token);
    EXPECT_EQ(half_steps(static_cast<std::uint32_t>(magnitude - 1)), up.size);
  }
  EXPECT_EQ(token_of(0xffffffff), 123U);
}

// The decoder looks once that a group's raw bits are there, so no damaged patch may ask for more.
TEST(Residual, NoSymbolOfAKindTakesMoreRawBitsThanItsMost) {
  for (std::size_t kind = 0; kind < plain_kinds; ++kind)
    with_element(static_cast<Element>(kind), []<Element k>() {
      for (const Token& token : Coder<k, Mode::delta>::tokens) {
        EXPECT_LE(token.raw_bits, (Coder<k, Mode::delta>::most_raw_bits));
      }
      for (const Token& token : Coder<k, Mode::intra>::tokens) {
        EXPECT_LE(token.raw_bits, (Coder<k, Mode::intra>::most_raw_bits));
      }
    });
}

TEST(Residual, TheContextOfAWeightFollowsItsExponent) {
  using Delta = Coder<Element::f32, Mode::delta>;
  Level level;
  level.start(280);
  const auto word = [](float value) { return std::bit_cast<std::uint32_t>(value); };
  const int expected = Delta::expected(level);
  EXPECT_EQ(Delta::context(expected, word(0.25F)) - Delta::context(expected, word(1.0F)), 4)
      << "two half steps a power of two";
  EXPECT_EQ(Delta::context(expected, word(0.0F)), zero_context);
}

}  // namespace
}  // namespace argosy::residual

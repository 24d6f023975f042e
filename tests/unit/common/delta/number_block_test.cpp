// Blocks of GGUF: taken apart, brought to another scale, put together; and whole patches of models made of them.
#include "common/delta/number_block.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "common/delta/tensor_encode.hpp"
#include "tests/unit/common/delta/delta_files.hpp"
#include "tests/unit/common/tensors/gguf_file.hpp"

namespace argosy::tensor {
namespace {

constexpr std::size_t blocks = 8192;

TEST(NumberBlock, EveryHalfIsTheFloatThatItsBitsSay) {
  for (std::uint32_t half = 0; half < 0x10000; ++half) {
    const int exponent = static_cast<int>((half >> 10) & 31), mantissa = static_cast<int>(half & 1023);
    const float value = float_of_half(static_cast<std::uint16_t>(half));
    if (exponent == 31) {
      EXPECT_EQ(std::isnan(value), mantissa != 0) << half;
      continue;
    }
    const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    ASSERT_EQ(value, (half & 0x8000) != 0 ? -magnitude : magnitude) << half;
  }
}

TEST(NumberBlock, PutTogetherUndoesTakeApart) {
  Rng rng(1);
  for (const Element kind : {Element::q8_0, Element::q4_0}) {
    const Bytes file = random_bytes(rng, 100 * width_of(kind));
    const Blocks apart = take_apart(kind, file);
    EXPECT_EQ(apart.scales.size(), 200U);
    EXPECT_EQ(apart.numbers.size(), 3200U);
    Bytes back(file.size());
    put_together(kind, apart, back);
    EXPECT_EQ(back, file);
  }
}

TEST(NumberBlock, NumbersAreBroughtToTheNewScaleAndKeptWhereThereIsNone) {
  const auto moved = [](std::uint16_t before, std::uint16_t now, std::int8_t number) {
    Blocks old{Bytes(2), Bytes(block_numbers, static_cast<std::uint8_t>(number))};
    std::memcpy(old.scales.data(), &before, 2);
    Bytes scales(2);
    std::memcpy(scales.data(), &now, 2);
    bring_to_scale(old, scales, Element::q8_0);
    return static_cast<int>(static_cast<std::int8_t>(old.numbers[0]));
  };
  constexpr std::uint16_t one = 0x3c00, two = 0x4000, zero = 0, infinity = 0x7c00, nan = 0x7e00;
  EXPECT_EQ(moved(one, two, 10), 5);
  EXPECT_EQ(moved(two, one, -10), -20);
  EXPECT_EQ(moved(two, one, 100), 127) << "at most what a number can be";
  EXPECT_EQ(moved(one, zero, 10), 10);
  EXPECT_EQ(moved(infinity, one, 10), 10);
  EXPECT_EQ(moved(nan, one, 10), 10);
}

// A scale and 32 numbers of a normal distribution a block, as a quantiser makes them from weights.
Bytes quantised(Element kind, const std::vector<double>& weights) {
  const double greatest = kind == Element::q8_0 ? 127 : 7;
  Bytes file(blocks * width_of(kind));
  Blocks apart{Bytes(blocks * scale_bytes), Bytes(blocks * block_numbers)};
  for (std::size_t i = 0; i < blocks; ++i) {
    double largest = 0;
    for (std::size_t k = 0; k < block_numbers; ++k)
      largest = std::max(largest, std::abs(weights[i * block_numbers + k]));
    // Of an f16 between 2^-14 and 1: exponent and mantissa of largest / greatest.
    int exponent = 0;
    const double mantissa = std::frexp(largest / greatest, &exponent);
    const auto half = static_cast<std::uint16_t>((exponent + 14) << 10 | std::lround((2 * mantissa - 1) * 1023));
    std::memcpy(apart.scales.data() + i * scale_bytes, &half, scale_bytes);
    for (std::size_t k = 0; k < block_numbers; ++k)
      apart.numbers[i * block_numbers + k] = static_cast<std::uint8_t>(
          static_cast<std::int8_t>(std::clamp(std::lround(weights[i * block_numbers + k] / float_of_half(half)),
                                              -8L * (greatest > 7 ? 16 : 1), std::lround(greatest))));
  }
  put_together(kind, apart, file);
  return file;
}

TEST(NumberBlock, AFineTunedModelOfBlocksTakesAFractionOfIt) {
  Rng rng(2);
  std::vector<double> old(blocks * block_numbers), fresh;
  for (double& weight : old) weight = 0.05 * rng.normal();
  fresh = old;
  for (double& weight : fresh) weight += 0.003 * rng.normal();
  struct Case {
    Element kind;
    std::uint32_t gguf_type;
    double most;
  };
  DeltaFiles files;
  for (const Case& block : {Case{Element::q8_0, 8, 0.55}, Case{Element::q4_0, 2, 0.30}}) {
    const auto model = [&](const std::vector<double>& weights) {
      return gguf_model(
          {{"blk.0.weight", {256, blocks * block_numbers / 256}, block.gguf_type, quantised(block.kind, weights)}});
    };
    const Bytes now = model(fresh);
    ASSERT_TRUE(encode_tensor(files.write("old", model(old)), files.write("new", now), files.path("patch")));
    const auto rebuilt = apply_to_bytes({.old_path = files.path("old"),
                                         .patch_path = files.path("patch"),
                                         .expected_old = std::nullopt,
                                         .expected_new = std::nullopt});
    ASSERT_TRUE(rebuilt) << rebuilt.error().message;
    EXPECT_EQ(*rebuilt, now);
    EXPECT_LT(static_cast<double>(files.read("patch").size()) / static_cast<double>(now.size()), block.most);
  }
}

}  // namespace
}  // namespace argosy::tensor

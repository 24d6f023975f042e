// What a compact model keeps, and how near it comes.
#include "common/compact/compact_model.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "common/compact/step_choice.hpp"
#include "common/delta/step_search.hpp"
#include "tests/unit/common/compact/compact_files.hpp"

namespace argosy {
namespace {

constexpr std::size_t rows = 32, columns = 128, count = rows * columns;

class Compact : public testing::TestWithParam<FloatKind> {
 protected:
  Rng rng_{5};
  const Element kind_ = GetParam().element;
  const std::size_t width_ = width_of(kind_);
  Bytes old_ = floats_of(kind_, count, [&](std::size_t) { return rng_.normal(); });
  Bytes fresh_ = floats_of(kind_, count, [&](std::size_t i) { return float_at(kind_, old_, i) + 0.1 * rng_.normal(); });

  Bytes file_of(ByteView content) const {
    return SafetensorsFile().add("w", GetParam().name, "[32,128]", content).file();
  }
  Bytes numbers_in(const Bytes& file) const {
    return Bytes(file.end() - static_cast<std::ptrdiff_t>(old_.size()), file.end());
  }
  CompactModel made(int bits) const {
    auto model = make_compact(file_of(old_), file_of(fresh_), bits);
    EXPECT_TRUE(model) << model.error().message;
    return std::move(*model);
  }
  ByteView row_of(const Bytes& content, std::size_t row) const {
    return ByteView(content).subspan(row * columns * width_, columns * width_);
  }
  void put(Bytes& content, std::size_t i, float value) const {
    const Bytes one = floats_of(kind_, 1, [&](std::size_t) { return value; });
    std::copy(one.begin(), one.end(), content.begin() + static_cast<std::ptrdiff_t>(i * width_));
  }
};

TEST_P(Compact, EveryNumberMovedByAFewSteps) {
  for (int bits = least_bits; bits <= most_bits; ++bits) {
    const Bytes result = numbers_in(made(bits).file);
    const auto stretch = tensor::first_stretch(kind_, old_, result, columns, 0);
    ASSERT_EQ(stretch.numbers, count) << bits;
    ASSERT_EQ(stretch.steps.factors.size(), rows);
    if (kind_ == Element::bf16) continue;  // so coarse that finer steps explain it as well
    for (const std::uint8_t each : tensor::counts_of(kind_, stretch.steps, old_, result))
      EXPECT_LE(std::abs(static_cast<std::int8_t>(each)), most_counts_of(bits));
  }
}

TEST_P(Compact, MoreBitsComeNearer) {
  double last = 1;
  for (int bits = least_bits; bits <= most_bits; ++bits) {
    const CompactModel model = made(bits);
    EXPECT_LT(model.error_of_change(), kind_ == Element::bf16 ? last * 1.01 : last) << bits;
    last = model.error_of_change();
  }
  EXPECT_LT(made(4).error_of_change(), 0.12);
  EXPECT_LT(made(4).relative_error(), 0.012);
}

TEST_P(Compact, RowsThatDidNotMoveOrAreNotFiniteStay) {
  std::copy_n(old_.begin(), columns * width_, fresh_.begin());
  put(fresh_, 1 * columns + 3, std::numeric_limits<float>::quiet_NaN());
  put(old_, 2 * columns + 5, std::numeric_limits<float>::infinity());
  const CompactModel model = made(4);
  const Bytes result = numbers_in(model.file);
  for (const std::size_t row : {0U, 1U, 2U})
    EXPECT_TRUE(std::ranges::equal(row_of(result, row), row_of(fresh_, row))) << row;
  EXPECT_EQ(model.tensors.at(0).unchanged_rows, 1U);
  EXPECT_EQ(model.tensors.at(0).exact_rows, 2U);
  EXPECT_EQ(model.tensors.at(0).stepped_rows, rows - 3);
}

TEST_P(Compact, ZerosKeepTheirSignAndTinyNumbersStayTiny) {
  for (std::size_t i = 0; i < columns; ++i) {
    put(old_, i, i % 2 == 0 ? -0.0F : 1e-7F);
    put(fresh_, i, i % 2 == 0 ? -0.0F : 2e-7F);
  }
  const Bytes result = numbers_in(made(4).file);
  for (std::size_t i = 0; i < columns; i += 2) EXPECT_TRUE(std::signbit(float_at(kind_, result, i)));
  for (std::size_t i = 1; i < columns; i += 2) EXPECT_NEAR(float_at(kind_, result, i), 2e-7F, 0.3e-7F);
}

TEST_P(Compact, NumbersAtTheirLimitDoNotBecomeInfinite) {
  const float most = kind_ == Element::f16 ? 65504.0F : 3.3e38F;
  for (std::size_t i = 0; i < columns; ++i) {
    put(old_, i, i == 0 ? 0.9F * most : 0);
    put(fresh_, i, i == 0 ? most : static_cast<float>(i % 7) * 0.03F * most);
  }
  const Bytes result = numbers_in(made(3).file);
  for (std::size_t i = 0; i < columns; ++i) EXPECT_TRUE(std::isfinite(float_at(kind_, result, i)));
}

TEST_P(Compact, ShortRowsShareAStep) {
  const auto shaped = [&](const Bytes& content) {
    return SafetensorsFile().add("w", GetParam().name, "[512,1,2,4]", content).file();
  };
  const auto model = make_compact(shaped(old_), shaped(fresh_), 4).value();
  EXPECT_EQ(model.tensors.at(0).stepped_rows, count / 64);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Compact, testing::ValuesIn(float_kinds),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(CompactModel, SmallAndFlatTensorsStayExact) {
  Rng rng(3);
  const auto content = [&](std::size_t numbers) {
    return floats_of(Element::f32, numbers, [&](auto) { return rng.normal(); });
  };
  const auto model = [&] {
    return SafetensorsFile()
        .add("bias", "F32", "[2048]", content(2048))
        .add("small", "F32", "[31,33]", content(1023))
        .add("large", "F32", "[32,32]", content(1024))
        .file();
  };
  const Bytes base = model(), exact = model();
  const auto made = make_compact(base, exact, 4).value();
  ASSERT_EQ(made.tensors.size(), 1U);
  EXPECT_EQ(made.tensors[0].name, "large");
  const auto head = static_cast<std::ptrdiff_t>(exact.size() - 4096);
  EXPECT_TRUE(std::equal(exact.begin(), exact.begin() + head, made.file.begin()));
  EXPECT_FALSE(std::equal(exact.begin() + head, exact.end(), made.file.begin() + head));
}

TEST(CompactModel, WhatCannotBeMadeIsRefused) {
  const Bytes content(8192);
  const auto model = [&](const char* name, const char* type, const char* shape) {
    return SafetensorsFile().add(name, type, shape, content).file();
  };
  const Bytes base = model("w", "F32", "[32,64]");
  EXPECT_EQ(make_compact(base, base, 1).error().code, Errc::invalid_argument);
  EXPECT_EQ(make_compact(base, base, 9).error().code, Errc::invalid_argument);
  for (const Bytes& exact : {model("other", "F32", "[32,64]"), model("w", "F32", "[64,32]"),
                             model("w", "F16", "[64,64]"), model("w", "I32", "[32,64]"), Bytes(100)})
    EXPECT_EQ(make_compact(base, exact, 4).error().code, Errc::incompatible);
  const auto no = [](std::uint64_t, std::uint64_t) { return false; };
  EXPECT_EQ(make_compact(base, base, 4, no).error().code, Errc::cancelled);
}

TEST(StepChoice, TheBestStepOfWholeCountsIsFound) {
  Rng rng(9);
  for (int bits = least_bits; bits <= most_bits; ++bits) {
    const int most = most_counts_of(bits);
    std::vector<float> distances(256);
    for (float& distance : distances)
      distance =
          0.375F * static_cast<float>(static_cast<int>(rng.below(static_cast<std::uint64_t>(2 * most + 1))) - most);
    EXPECT_EQ(float_of_bfloat(best_step(distances, bits)), 0.375F) << bits;
  }
  EXPECT_EQ(best_step(std::vector<float>(8), 4), tensor::no_step);
  EXPECT_EQ(best_step(std::vector<float>{1e-40F}, 4), tensor::no_step);
  EXPECT_EQ(best_step(std::vector<float>{3e38F}, 2), tensor::no_step);
}

}  // namespace
}  // namespace argosy

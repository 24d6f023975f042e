// Patches of compact models: found from the two files alone, small, and exact to the bit on every machine.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "common/base/encoding.hpp"
#include "common/compact/compact_model.hpp"
#include "common/delta/patch_explain.hpp"
#include "common/delta/tensor_format.hpp"
#include "tests/unit/common/compact/compact_files.hpp"
#include "tests/unit/common/compact/golden_patch.hpp"
#include "tests/unit/common/delta/tensor_patch_fixture.hpp"

namespace argosy {
namespace {

constexpr std::size_t matrix_rows = 96, matrix_columns = 300, matrix_size = matrix_rows * matrix_columns;

class SteppedPatch : public TensorPatchFixture {
 protected:
  TensorCost explained() {
    const auto explanation = explain_patch(files_.path("patch"), files_.path("old"), files_.path("new"));
    EXPECT_TRUE(explanation) << explanation.error().message;
    return explanation->tensors.at(0);
  }
  static Bytes file_of(const FloatKind& kind, ByteView content) {
    return SafetensorsFile().add("w", kind.name, "[96,300]", content).file();
  }
  static Bytes weights(Element kind, Rng& rng, double deviation) {
    return floats_of(kind, matrix_size, [&](std::size_t) { return deviation * rng.normal(); });
  }
  static Bytes tuned(Element kind, const Bytes& old, Rng& rng, double deviation) {
    return floats_of(kind, matrix_size,
                     [&](std::size_t i) { return float_at(kind, old, i) + deviation * rng.normal(); });
  }
};

TEST_F(SteppedPatch, CompactModelsOfEveryKindComeBackExactly) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed)
    for (const FloatKind& kind : float_kinds)
      for (const int bits : {2, 3, 4, 6, 8}) {
        Rng rng(seed);
        const double deviation = rng.chance(0.5) ? 0.02 : 1;
        const Bytes old = weights(kind.element, rng, deviation);
        const Bytes fresh = tuned(kind.element, old, rng, 0.1 * deviation);
        const Bytes compact = make_compact(file_of(kind, old), file_of(kind, fresh), bits)->file;
        EXPECT_LT(ratio(file_of(kind, old), compact), (bits + 0.2) / (8.0 * width_of(kind.element)) + 0.02)
            << kind.name << " " << bits << " bits, seed " << seed;
        // Steps finer than the numbers' own say no more than their differences do.
        if (kind.element == Element::bf16 && bits == 8) continue;
        EXPECT_EQ(explained().by_steps, matrix_size * width_of(kind.element))
            << kind.name << " " << bits << " bits, seed " << seed;
      }
}

TEST_F(SteppedPatch, FourBitsTakeAnEighthOfAFullFineTune) {
  Rng rng(2);
  const FloatKind kind = float_kinds[0];
  const Bytes old = weights(kind.element, rng, 0.05), fresh = tuned(kind.element, old, rng, 0.002);
  EXPECT_LT(ratio(file_of(kind, old), make_compact(file_of(kind, old), file_of(kind, fresh), 4)->file), 0.13);
}

TEST_F(SteppedPatch, AnOrdinaryFineTuneHasNoSteps) {
  Rng rng(4);
  for (const FloatKind& kind : float_kinds) {
    const Bytes old = weights(kind.element, rng, 0.05), fresh = tuned(kind.element, old, rng, 0.002);
    ratio(file_of(kind, old), file_of(kind, fresh));
    EXPECT_EQ(explained().by_steps, 0U) << kind.name;
  }
}

TEST_F(SteppedPatch, RowsThatStayExactStandBesideThoseWithSteps) {
  Rng rng(6);
  const FloatKind kind = float_kinds[0];
  const Bytes old = weights(kind.element, rng, 0.05);
  Bytes fresh = tuned(kind.element, old, rng, 0.002);
  for (const std::size_t row : {0U, 40U, 41U, 95U}) {
    const float no_number = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(fresh.data() + row * matrix_columns * sizeof no_number, &no_number, sizeof no_number);
  }
  EXPECT_LT(ratio(file_of(kind, old), make_compact(file_of(kind, old), file_of(kind, fresh), 4)->file), 0.16);
  EXPECT_EQ(explained().by_steps, 92 * matrix_columns * sizeof(float));
  EXPECT_EQ(explained().by_difference, 4 * matrix_columns * sizeof(float));
}

// 70 rows of 4096: chunks begin in the middle of rows.
TEST_F(SteppedPatch, RowsThatChunksCutComeBack) {
  Rng rng(8);
  constexpr std::size_t numbers = 70 * 5000;
  const auto model = [](const Bytes& content) {
    return SafetensorsFile().add("w", "F32", "[70,5000]", content).file();
  };
  const Bytes old = floats_of(Element::f32, numbers, [&](auto) { return rng.normal(); });
  const Bytes fresh =
      floats_of(Element::f32, numbers, [&](auto i) { return float_at(Element::f32, old, i) + 0.01 * rng.normal(); });
  EXPECT_LT(ratio(model(old), make_compact(model(old), model(fresh), 4)->file), 0.12);
}

TEST_F(SteppedPatch, AnyFlippedBitIsNoticedOrHarmless) {
  files_.write("old", golden::old_file());
  const Bytes patch = golden::patch(), fresh = apply(patch).value();
  for (std::size_t bit = 0; bit < patch.size() * 8; ++bit) {
    Bytes damaged = patch;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ 1 << bit % 8);
    const auto result = apply(damaged);
    ASSERT_TRUE(!result || *result == fresh) << "bit " << bit << " changed the result unnoticed";
  }
}

// A patch that was made once, of all kinds of floats: whatever machine applies it makes these very bytes.
TEST_F(SteppedPatch, TheGoldenPatchMakesTheSameBytesOnEveryMachine) {
  const Bytes old = golden::old_file();
  ASSERT_EQ(sha256(old).to_hex(), golden::old_digest);
  files_.write("old", old);
  const auto made = apply(golden::patch());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(sha256(*made).to_hex(), golden::new_digest);
  files_.write("new", *made);
  EXPECT_EQ(explained().by_steps, explained().bytes);
}

// Arithmetic without a patch: a sum over a walk through signs, exponents and counts.
TEST(Steps, MovingIsTheSameOnEveryMachine) {
  Rng rng(1);
  Bytes results;
  const auto walk = [&]<Element kind>() {
    using Word = typename ElementTraits<kind>::Word;
    for (int i = 0; i < 200'000; ++i) {
      const auto word = static_cast<Word>(rng());
      const auto step =
          static_cast<std::uint16_t>(tensor::least_step + rng.below(tensor::greatest_step - tensor::least_step + 1U));
      // Steps of about the number's size, too, where rounding decides.
      const auto near = static_cast<std::uint16_t>(
          std::clamp<int>((bfloat_of_float(tensor::to_float<kind>(word)) & 0x7fff) - static_cast<int>(rng.below(2048)),
                          tensor::least_step, tensor::greatest_step));
      const int counts = static_cast<int>(rng.below(255)) - 127;
      const Word made = tensor::moved<kind>(word, counts, float_of_bfloat(i % 4 == 0 ? step : near));
      if (std::isnan(tensor::to_float<kind>(made))) continue;  // of these only that they are none is promised
      for (std::size_t byte = 0; byte < sizeof made; ++byte)
        results.push_back(static_cast<std::uint8_t>(made >> (8 * byte)));
    }
  };
  walk.template operator()<Element::f32>();
  walk.template operator()<Element::f16>();
  walk.template operator()<Element::bf16>();
  EXPECT_EQ(sha256(results).to_hex(), golden::walk_digest);
}

TEST(HostileSteps, PiecesWithImpossibleStepsAreRefused) {
  using tensor::Piece;
  const auto decoded = [](const Piece& piece) {
    const Bytes bytes = tensor::encode_description(std::span(&piece, 1), {});
    return tensor::decode_description(bytes, piece.bytes, 1000).has_value();
  };
  const Piece good{
      tensor::Source::steps, Element::f32, 400, 0, {50, 7, {tensor::least_step, 0, tensor::greatest_step}}};
  EXPECT_TRUE(decoded(good));
  const auto with = [&](auto change) {
    Piece piece = good;
    change(piece);
    return decoded(piece);
  };
  EXPECT_FALSE(with([](Piece& piece) { piece.scaling.factors.clear(); }));
  for (const std::uint16_t step :
       {1, tensor::least_step - 1, tensor::greatest_step + 1, 0x7f80, 0x7fc0, 0x8000, 0xbf80})
    EXPECT_FALSE(with([&](Piece& piece) { piece.scaling.factors[1] = step; })) << step;
  for (const Element kind : {Element::byte, Element::i8, Element::i16, Element::i32})
    EXPECT_FALSE(with([&](Piece& piece) { piece.element = kind; }));
  EXPECT_FALSE(with([](Piece& piece) { piece.old_offset = 601; }));
  EXPECT_FALSE(with([](Piece& piece) { piece.bytes = 402; }));
  EXPECT_FALSE(with([](Piece& piece) { piece.scaling.factors.resize(tensor::max_factors + 1); }));
  EXPECT_FALSE(with([](Piece& piece) { piece.source = static_cast<tensor::Source>(6); }));
  for (const auto other : {tensor::Source::delta, tensor::Source::copy})
    EXPECT_FALSE(with([&](Piece& piece) { piece.source = other; }));
}

}  // namespace
}  // namespace argosy

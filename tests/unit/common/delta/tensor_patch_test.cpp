// Tensor patches from end to end: whatever the pair of files, the new one comes back to the byte; and pairs as training
// makes them take as little as their kind allows.
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

#include <gtest/gtest.h>

#include "common/delta/patch_explain.hpp"
#include "common/delta/patch_info.hpp"
#include "tests/support/safetensors_file.hpp"
#include "tests/unit/common/delta/tensor_patch_fixture.hpp"
#include "tests/unit/common/tensors/npy_file.hpp"

namespace argosy {
namespace {

template <class Word>
Bytes numbers(std::size_t count, const std::function<Word(std::size_t)>& at) {
  Bytes bytes(count * sizeof(Word));
  for (std::size_t i = 0; i < count; ++i) {
    const Word word = at(i);
    std::memcpy(bytes.data() + i * sizeof(Word), &word, sizeof(Word));
  }
  return bytes;
}

Bytes floats(const std::vector<double>& values) {
  return numbers<float>(values.size(), [&](std::size_t i) { return static_cast<float>(values[i]); });
}
Bytes bfloats(const std::vector<double>& values) {
  return numbers<std::uint16_t>(values.size(), [&](std::size_t i) {
    return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(values[i])) >> 16);
  });
}
Bytes int8s(const std::vector<double>& values, const std::function<double(std::size_t)>& scale) {
  return numbers<std::int8_t>(values.size(), [&](std::size_t i) {
    return static_cast<std::int8_t>(std::clamp(std::lround(values[i] / scale(i)), -127L, 127L));
  });
}

class TensorPatch : public TensorPatchFixture {
 protected:
  static constexpr std::size_t rows = 256, columns = 576, count = rows * columns;
  Rng rng_{7};
  const std::vector<double> weights_ = noise(0.05);

  std::vector<double> noise(double deviation) {
    std::vector<double> values(count);
    for (double& value : values) value = deviation * rng_.normal();
    return values;
  }
  std::vector<double> plus(std::vector<double> values, double deviation) {
    for (double& value : values) value += deviation * rng_.normal();
    return values;
  }
  static Bytes one(const std::string& type, const Bytes& content) {
    return SafetensorsFile().add("layer.weight", type, "[256,576]", content).file();
  }
};

TEST_F(TensorPatch, AFineTuneTakesTheBitsThatChanged) {
  // A normal distribution takes log2(4.13 * deviation) bits, less log2 of the step between floats: at weights of 0.05
  // that is 18.5 of 32 bits, or 0.578.
  EXPECT_LT(ratio(one("F32", floats(weights_)), one("F32", floats(plus(weights_, 0.0002)))), 0.585);
  EXPECT_LT(ratio(one("BF16", bfloats(weights_)), one("BF16", bfloats(plus(weights_, 0.0002)))), 0.20);
}

TEST_F(TensorPatch, ARetrainedModelTakesNoMoreThanByItself) {
  EXPECT_LT(ratio(one("F32", floats(weights_)), one("F32", floats(noise(0.05)))), 0.84);
}

TEST_F(TensorPatch, PrunedWeightsStayZeroForNothing) {
  std::vector<double> old = weights_, fresh = plus(weights_, 0.0002);
  for (std::size_t i = 0; i < count; ++i)
    if (std::abs(weights_[i]) < 0.0337) old[i] = fresh[i] = 0;  // half of them
  EXPECT_LT(ratio(one("F32", floats(old)), one("F32", floats(fresh))), 0.30);
}

TEST_F(TensorPatch, AnEqualFileTakesNextToNothing) {
  const Bytes model = one("F32", floats(weights_));
  EXPECT_LT(patch_of(model, model).size(), 300U);
  ratio(model, model);
}

TEST_F(TensorPatch, RescaledRowsAndColumnsArePredicted) {
  std::vector<double> factors(std::max(rows, columns));
  for (double& factor : factors) factor = 1 + 0.1 * rng_.normal();
  const auto old_scale = [](std::size_t) { return 0.0015; };
  const Bytes old = one("I8", int8s(weights_, old_scale));
  const double plain = ratio(old, one("I8", int8s(noise(0.05), old_scale)));
  for (const auto& row_of : {std::function([](std::size_t i) { return i / columns; }),
                             std::function([](std::size_t i) { return i % columns; })}) {
    const auto scale = [&](std::size_t i) { return 0.0015 * factors[row_of(i)]; };
    EXPECT_LT(ratio(old, one("I8", int8s(weights_, scale))), 0.4 * plain);
  }
}

TEST_F(TensorPatch, SortedIndicesAreCodedBySteps) {
  Rng rng(3);
  const auto indices = [&] {
    return numbers<std::uint16_t>(count, [&, next = 0](std::size_t) mutable {
      next = (next + 1 + static_cast<int>(rng.below(4))) % 60'000;
      return static_cast<std::uint16_t>(next);
    });
  };
  EXPECT_LT(ratio(one("U16", indices()), one("U16", indices())), 0.16);
}

TEST_F(TensorPatch, RenamedSwappedAndReshapedTensorsAreFound) {
  const Bytes a = floats(weights_), b = floats(noise(0.1));
  const Bytes old = SafetensorsFile().add("a", "F32", "[256,576]", a).add("b", "F32", "[256,576]", b).file();
  const Bytes swapped = SafetensorsFile().add("b", "F32", "[256,576]", b).add("a", "F32", "[256,576]", a).file();
  const Bytes renamed = SafetensorsFile().add("x", "F32", "[256,576]", a).add("y", "F32", "[256,576]", b).file();
  const Bytes reshaped = SafetensorsFile().add("a", "F32", "[576,256]", a).add("b", "F32", "[147456]", b).file();
  for (const Bytes& fresh : {swapped, renamed, reshaped}) EXPECT_LT(ratio(old, fresh), 0.01);
}

TEST_F(TensorPatch, ATensorThatGrewOrShrankKeepsWhatItHad) {
  Bytes more = floats(plus(weights_, 0.0002));
  const Bytes old = SafetensorsFile().add("a", "F32", "[256,576]", floats(weights_)).file();
  const Bytes extra = random_weights(rng_, 64 * columns);
  more.insert(more.end(), extra.begin(), extra.end());
  EXPECT_LT(ratio(old, SafetensorsFile().add("a", "F32", "[320,576]", more).file()), 0.66);
  more.resize(100 * columns * 4);
  EXPECT_LT(ratio(old, SafetensorsFile().add("a", "F32", "[100,576]", more).file()), 0.6);
}

TEST_F(TensorPatch, AnUnknownFileOfFloatsIsSeenForWhatItIs) {
  Bytes old = random_bytes(rng_, 1001), fresh = old;
  const Bytes before = floats(weights_), now = floats(plus(weights_, 0.0002));
  old.insert(old.end(), before.begin(), before.end());
  fresh.insert(fresh.end(), now.begin(), now.end());
  EXPECT_LT(ratio(old, fresh), 0.62);
}

// They have no kind of their own. What zstd at its highest level makes of these pairs beside the old file: 0.95, 0.036.
TEST_F(TensorPatch, NumbersOf64BitsTakeNoMoreThanAByteCodecWould) {
  const std::vector<double> moved = plus(weights_, 0.0002);
  const auto doubles = [](const std::vector<double>& values) {
    return numbers<double>(values.size(), [&](std::size_t i) { return values[i]; });
  };
  EXPECT_LT(ratio(one("F64", doubles(weights_)), one("F64", doubles(moved))), 0.78);
  const Bytes indices =
      numbers<std::int64_t>(count, [&](auto) { return static_cast<std::int64_t>(rng_.below(50'000)); });
  Bytes changed = indices;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t other = rng_.below(50'000);
    if (rng_.chance(0.1)) std::memcpy(changed.data() + i * sizeof other, &other, sizeof other);
  }
  EXPECT_LT(ratio(one("I64", indices), one("I64", changed)), 0.036);
}

template <class Word>
Bytes big_endian(Bytes words) {
  for (std::size_t i = 0; i + sizeof(Word) <= words.size(); i += sizeof(Word))
    std::reverse(words.begin() + static_cast<std::ptrdiff_t>(i),
                 words.begin() + static_cast<std::ptrdiff_t>(i + sizeof(Word)));
  return words;
}

// Arrays of either byte order, and of one before and the other after.
TEST_F(TensorPatch, ArraysOfEitherByteOrderComeBack) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    const std::size_t width = std::size_t{1} << (1 + rng.below(3));
    const std::size_t size = rng.below(5'000);
    std::vector<double> values(size), moved(size);
    for (std::size_t i = 0; i < size; ++i) moved[i] = (values[i] = 1000 * rng.normal()) + rng.normal();
    const auto array = [&](const std::vector<double>& from) {
      const bool is_big = rng.chance(0.5), is_float = width > 2 && rng.chance(0.5);
      const std::string type = (is_big ? ">" : "<") + std::string(is_float ? "f" : "i") + std::to_string(width);
      const std::string shape = "(" + std::to_string(size) + ",)";
      const auto at = [&](std::size_t i) { return from[i]; };
      if (width == 2) {
        const Bytes words = numbers<std::int16_t>(size, [&](auto i) { return static_cast<std::int16_t>(at(i)); });
        return npy_file(type, shape, is_big ? big_endian<std::int16_t>(words) : words);
      }
      if (width == 4) {
        const Bytes words = is_float
                                ? floats(from)
                                : numbers<std::int32_t>(size, [&](auto i) { return static_cast<std::int32_t>(at(i)); });
        return npy_file(type, shape, is_big ? big_endian<std::int32_t>(words) : words);
      }
      const Bytes words = is_float
                              ? numbers<double>(size, at)
                              : numbers<std::int64_t>(size, [&](auto i) { return static_cast<std::int64_t>(at(i)); });
      return npy_file(type, shape, is_big ? big_endian<std::int64_t>(words) : words);
    };
    const Bytes old = array(values);
    EXPECT_LT(ratio(old, array(moved)), size < 100 ? 10 : 1.1);
    if (HasFailure()) return;
  }
}

// 0.92 by bsdiff.
TEST_F(TensorPatch, ABigEndianFineTuneTakesNoMoreThanAByteCodecWould) {
  const auto array = [](const Bytes& content) { return npy_file(">f4", "(256, 576)", big_endian<float>(content)); };
  EXPECT_LT(ratio(array(floats(weights_)), array(floats(plus(weights_, 0.0002)))), 0.80);
}

TEST_F(TensorPatch, EmptyAndTinyFiles) {
  const Bytes sizes[] = {{}, {1}, {1, 2, 3}, random_bytes(rng_, 63), random_bytes(rng_, 300)};
  for (const Bytes& old : sizes)
    for (const Bytes& fresh : sizes) {
      const Bytes patch = patch_of(old, fresh);
      EXPECT_EQ(apply(patch).value(), fresh) << old.size() << " to " << fresh.size();
      EXPECT_LT(patch.size(), fresh.size() + 250);
    }
}

TEST_F(TensorPatch, AnotherBaseIsRefusedByThePatchItself) {
  const Bytes patch = patch_of(one("F32", floats(weights_)), one("F32", floats(plus(weights_, 0.001))));
  files_.write("old", one("F32", floats(plus(weights_, 0.001))));
  EXPECT_EQ(apply(patch).error().code, Errc::base_mismatch);
  files_.write("old", Bytes(3));
  EXPECT_EQ(apply(patch).error().code, Errc::base_mismatch);
  const auto info = inspect_patch(files_.path("patch")).value();
  EXPECT_EQ(info.codec, PatchCodec::tensor);
  EXPECT_EQ(info.old_file, measure(one("F32", floats(weights_))));
}

// A small pair that has copies, differences, numbers by themselves, text and a reference to the old file.
std::pair<Bytes, Bytes> small_pair() {
  Rng rng(11);
  const Bytes weights = random_weights(rng, 120), other = random_weights(rng, 40);
  Bytes changed = weights;
  for (std::size_t i = 0; i < changed.size(); i += 4) changed[i] ^= static_cast<std::uint8_t>(rng.below(256));
  return {SafetensorsFile().add("a", "F32", "[120]", weights).add("same", "F32", "[120]", weights).file(),
          SafetensorsFile()
              .add("a", "F32", "[120]", changed)
              .add("same", "F32", "[120]", weights)
              .add("n", "F32", "[40]", other)
              .file()};
}

TEST_F(TensorPatch, CutAnywhereIsTruncated) {
  const auto [old, fresh] = small_pair();
  const Bytes patch = patch_of(old, fresh);
  ASSERT_EQ(apply(patch).value(), fresh);
  for (std::size_t size = 0; size < patch.size(); ++size) {
    const auto result = apply(Bytes(patch.begin(), patch.begin() + static_cast<std::ptrdiff_t>(size)));
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().code, Errc::truncated) << size << ": " << result.error().message;
  }
}

TEST_F(TensorPatch, AnyFlippedBitIsNoticedOrHarmless) {
  const auto [old, fresh] = small_pair();
  const Bytes patch = patch_of(old, fresh);
  for (std::size_t bit = 0; bit < patch.size() * 8; ++bit) {
    Bytes damaged = patch;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ 1 << bit % 8);
    const auto result = apply(damaged);
    ASSERT_TRUE(!result || *result == fresh) << "bit " << bit << " changed the result unnoticed";
  }
}

TEST_F(TensorPatch, RandomEditsOfRandomFilesComeBack) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    Rng rng(seed);
    const auto piece = [&] {
      const std::size_t size = rng.below(3'000);
      return rng.chance(0.5) ? random_weights(rng, size / 4) : random_bytes(rng, size);
    };
    Bytes old;
    for (std::uint64_t i = 0, parts = rng.below(6); i < parts; ++i) {
      const Bytes more = piece();
      old.insert(old.end(), more.begin(), more.end());
    }
    Bytes fresh = old;
    for (std::uint64_t i = 0, edits = rng.below(8); i < edits; ++i) {
      const auto at = fresh.begin() + static_cast<std::ptrdiff_t>(rng.below(fresh.size() + 1));
      const auto end = at + static_cast<std::ptrdiff_t>(rng.below(static_cast<std::uint64_t>(fresh.end() - at) + 1));
      if (rng.chance(0.3)) {
        fresh.erase(at, end);
      } else if (rng.chance(0.5)) {
        const Bytes more = piece();
        fresh.insert(at, more.begin(), more.end());
      } else {
        for (auto byte = at; byte != end; byte += std::min<std::ptrdiff_t>(4, end - byte))
          *byte = static_cast<std::uint8_t>(*byte + rng.below(7));
      }
    }
    const Bytes patch = patch_of(old, fresh);
    const auto rebuilt = apply(patch);
    ASSERT_TRUE(rebuilt && *rebuilt == fresh) << "seed " << seed;
  }
}

TEST_F(TensorPatch, TheExplanationAccountsForEveryByte) {
  const Bytes kept = floats(noise(0.1)), old = floats(weights_), fresh = floats(plus(weights_, 0.0002));
  const Bytes before =
      SafetensorsFile().add("kept", "F32", "[256,576]", kept).add("tuned", "F32", "[256,576]", old).file();
  const Bytes now =
      SafetensorsFile().add("kept", "F32", "[256,576]", kept).add("tuned", "F32", "[256,576]", fresh).file();
  const Bytes patch = patch_of(before, now);
  const auto explain = [&] { return explain_patch(files_.path("patch"), files_.path("old"), files_.path("new")); };
  const auto explained = explain();
  ASSERT_TRUE(explained) << explained.error().message;
  ASSERT_EQ(explained->tensors.size(), 3U);
  const TensorCost &same = explained->tensors[0], &tuned = explained->tensors[1], &rest = explained->tensors[2];
  EXPECT_EQ(same.name, "kept");
  EXPECT_EQ(same.copied, kept.size());
  EXPECT_LT(same.cost_bytes, 100);
  EXPECT_EQ(tuned.type, "f32");
  EXPECT_EQ(tuned.shape, (std::vector<std::int64_t>{256, 576}));
  EXPECT_EQ(tuned.by_difference, fresh.size());
  EXPECT_EQ(same.bytes + tuned.bytes + rest.bytes, now.size());
  const double all = same.cost_bytes + tuned.cost_bytes + rest.cost_bytes + explained->tables_bytes;
  EXPECT_NEAR(all, static_cast<double>(patch.size()), 0.005 * static_cast<double>(patch.size()));

  files_.write("old", now);
  EXPECT_EQ(explain().error().code, Errc::base_mismatch);
  files_.write("patch", as_bytes("BSDIFF40 and more"));
  EXPECT_EQ(explain().error().code, Errc::invalid_argument);
}

TEST_F(TensorPatch, CancellationEndsBothSides) {
  const PatchProgress no = [](std::uint64_t, std::uint64_t) { return false; };
  files_.write("old", one("F32", floats(weights_)));
  files_.write("new", one("F32", floats(plus(weights_, 0.001))));
  EXPECT_EQ(encode_tensor(files_.path("old"), files_.path("new"), files_.path("patch"), {}, no).error().code,
            Errc::cancelled);
}

}  // namespace
}  // namespace argosy

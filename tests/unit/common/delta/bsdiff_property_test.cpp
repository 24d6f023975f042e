// Whatever the pair of files, the patch rebuilds the new one. Each failure prints its seed.
#include <gtest/gtest.h>

#include "common/delta/bsdiff_encode.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy {
namespace {

std::size_t pick(Rng& rng, std::size_t size) {
  return static_cast<std::size_t>(rng.below(size + 1));
}

void change_bytes(Rng& rng, Bytes& bytes) {
  for (std::size_t i = 0, count = pick(rng, bytes.size() / 20); i < count; ++i)
    bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng());
}

void insert_piece(Rng& rng, Bytes& bytes) {
  const Bytes piece = random_bytes(rng, pick(rng, 300));
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(pick(rng, bytes.size())), piece.begin(), piece.end());
}

void erase_piece(Rng& rng, Bytes& bytes) {
  const std::size_t start = pick(rng, bytes.size());
  const std::size_t count = std::min(bytes.size() - start, pick(rng, 300));
  const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(start);
  bytes.erase(from, from + static_cast<std::ptrdiff_t>(count));
}

void swap_blocks(Rng& rng, Bytes& bytes) {
  const auto cut = bytes.begin() + static_cast<std::ptrdiff_t>(pick(rng, bytes.size()));
  std::rotate(bytes.begin(), cut, bytes.end());
}

void add_small_numbers(Rng& rng, Bytes& bytes) {
  for (auto& byte : bytes)
    if (rng.chance(0.25)) byte = static_cast<std::uint8_t>(byte + rng.below(3));
}

Bytes edited(Rng& rng, Bytes bytes) {
  for (std::size_t i = 0, edits = 1 + pick(rng, 5); i < edits; ++i) {
    switch (rng.below(7)) {
      case 0:
        change_bytes(rng, bytes);
        break;
      case 1:
        insert_piece(rng, bytes);
        break;
      case 2:
        erase_piece(rng, bytes);
        break;
      case 3:
        swap_blocks(rng, bytes);
        break;
      case 4:
        add_small_numbers(rng, bytes);
        break;
      case 5:
        bytes.resize(pick(rng, bytes.size()));
        break;
      case 6:
        bytes.insert(bytes.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2));
    }
  }
  return bytes;
}

Bytes some_file(Rng& rng) {
  const std::size_t size = rng.chance(0.1) ? pick(rng, 3) : pick(rng, 6000);
  switch (rng.below(4)) {
    case 0:
      return Bytes(size, 7);
    case 1:
      return random_weights(rng, size / 4);
    case 2: {
      Bytes few(size);
      for (auto& byte : few) byte = static_cast<std::uint8_t>(rng.below(2));
      return few;
    }
    default:
      return random_bytes(rng, size);
  }
}

class BsdiffProperty : public testing::Test {
 protected:
  DeltaFiles files_;

  void expect_round_trip(const Bytes& old, const Bytes& fresh) {
    const auto patch = encode_bsdiff(old, fresh);
    ASSERT_TRUE(patch) << patch.error().message;
    const auto rebuilt = apply_to_bytes({.old_path = files_.write("old", old),
                                         .patch_path = files_.write("patch", *patch),
                                         .expected_old = measure(old),
                                         .expected_new = measure(fresh)});
    ASSERT_TRUE(rebuilt) << rebuilt.error().message;
    ASSERT_EQ(*rebuilt, fresh);
  }
};

TEST_F(BsdiffProperty, RandomEditsAreRebuilt) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    const Bytes old = some_file(rng);
    expect_round_trip(old, edited(rng, old));
    if (HasFatalFailure()) return;
  }
}

TEST_F(BsdiffProperty, UnrelatedFilesAreRebuilt) {
  for (std::uint64_t seed = 1000; seed <= 1050; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    const Bytes old = some_file(rng);
    expect_round_trip(old, some_file(rng));
    if (HasFatalFailure()) return;
  }
}

TEST_F(BsdiffProperty, TheEdgesAreRebuilt) {
  Rng rng(7);
  const Bytes some = random_bytes(rng, 70'000);
  expect_round_trip({}, {});
  expect_round_trip({}, some);
  expect_round_trip(some, {});
  expect_round_trip(some, some);
  expect_round_trip(some, Bytes(some.begin(), some.begin() + 65'536));
  expect_round_trip(Bytes(some.begin() + 1, some.end()), some);
}

TEST_F(BsdiffProperty, EqualFilesCostAlmostNothing) {
  Rng rng(8);
  const Bytes weights = random_weights(rng, 50'000);
  EXPECT_LT(encode_bsdiff(weights, weights).value().size(), 200u);
}

TEST_F(BsdiffProperty, SwappedHalvesCostAlmostNothing) {
  Rng rng(9);
  const Bytes weights = random_weights(rng, 50'000);
  Bytes swapped = weights;
  std::rotate(swapped.begin(), swapped.begin() + 100'000, swapped.end());
  EXPECT_LT(encode_bsdiff(weights, swapped).value().size(), 500u);
}

TEST_F(BsdiffProperty, AChangedLayerCostsAboutItself) {
  Rng rng(10);
  Bytes model = random_weights(rng, 50'000);
  const Bytes old = model;
  const Bytes layer = random_weights(rng, 2'000);
  std::copy(layer.begin(), layer.end(), model.begin() + 40'000);
  EXPECT_LT(encode_bsdiff(old, model).value().size(), layer.size() * 5 / 4);
}

// The classic algorithm looks at each byte of a long region again when little around it changed.
TEST_F(BsdiffProperty, LongEqualRegionsTakeNoQuadraticTime) {
  Bytes old(2'000'000, 0);
  Bytes fresh(2'000'003, 0);
  for (std::size_t i = 0; i < fresh.size(); i += 100'000) fresh[i] = 1;
  for (std::size_t i = 50'000; i < old.size(); i += 100'000) old[i] = 2;
  std::uint64_t calls = 0;
  const auto patch = encode_bsdiff(old, fresh, {}, [&](std::uint64_t, std::uint64_t) { return ++calls < 1'000; });
  ASSERT_TRUE(patch) << patch.error().message;
  EXPECT_LT(patch->size(), 3'000u);
}

TEST(BsdiffEncode, IsCancelledByItsProgress) {
  Rng rng(11);
  const Bytes old = random_bytes(rng, 300'000);
  const Bytes fresh = random_bytes(rng, 300'000);
  std::uint64_t last = 0;
  const auto patch = encode_bsdiff(old, fresh, {}, [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, fresh.size());
    EXPECT_GE(done, last);
    last = done;
    return done < 100'000;
  });
  ASSERT_FALSE(patch);
  EXPECT_EQ(patch.error().code, Errc::cancelled);
  EXPECT_LT(last, 200'000u);
}

TEST(BsdiffEncode, SaysWhatItWouldTakeWhenThatIsTooMuch) {
  const auto patch = encode_bsdiff(Bytes(1 << 20), Bytes(1 << 20), {.max_memory_bytes = 10 << 20});
  ASSERT_FALSE(patch);
  EXPECT_EQ(patch.error().code, Errc::too_large);
  EXPECT_EQ(patch.error().message,
            "bsdiff would take 32 MiB of memory for files of 1 MiB and 1 MiB, and the limit is 10 MiB; raise it or "
            "send the file whole");
  EXPECT_FALSE(check_bsdiff_fits(3ULL << 30, 1, {.max_memory_bytes = 1ULL << 40}));
  EXPECT_TRUE(check_bsdiff_fits(100 << 20, 100 << 20, {}));
}

}  // namespace
}  // namespace argosy

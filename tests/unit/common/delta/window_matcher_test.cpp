// Laying out by windows: what it finds, that it takes linear time whatever the bytes, and that patches made with it
// bring the new file back.
#include "common/delta/window_matcher.hpp"

#include <cstring>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/unit/common/delta/tensor_patch_fixture.hpp"

namespace argosy {
namespace {

constexpr std::size_t mebibyte = 1 << 20;

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes slice(const Bytes& bytes, std::size_t from, std::size_t count) {
  const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(from);
  return Bytes(first, first + static_cast<std::ptrdiff_t>(count));
}

// Floats that moved by a few thousandths of their usual size.
Bytes trained(Rng& rng, Bytes weights) {
  for (std::size_t i = 0; i + sizeof(float) <= weights.size(); i += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, weights.data() + i, sizeof value);
    value += static_cast<float>(0.0002 * rng.normal());
    std::memcpy(weights.data() + i, &value, sizeof value);
  }
  return weights;
}

std::vector<MatchStep> steps_of(const Bytes& old, const Bytes& fresh) {
  const auto index = WindowIndex::build(old, {{0, old.size()}}, nullptr).value();
  std::vector<MatchStep> steps;
  const MatchSink sink = [&](const MatchStep& step) { steps.push_back(step); };
  EXPECT_TRUE(match_windows(old, fresh, index, 0, sink, nullptr));
  std::int64_t next = 0;
  for (const MatchStep& step : steps) {
    EXPECT_EQ(step.fresh, next);
    EXPECT_GE(std::min({step.alike, step.rest, step.next_old}), 0);
    EXPECT_LE(step.old + step.alike, static_cast<std::int64_t>(old.size()));
    next = step.fresh + step.alike + step.rest;
  }
  EXPECT_EQ(next, static_cast<std::int64_t>(fresh.size()));
  return steps;
}

// The share of new that stands beside the place in old that it came from, by where each byte of new came from.
double share_placed(const std::vector<MatchStep>& steps, const std::vector<std::int64_t>& origin) {
  std::int64_t placed = 0;
  for (const MatchStep& step : steps)
    for (std::int64_t i = 0; i < step.alike + step.rest; ++i)
      placed += origin[static_cast<std::size_t>(step.fresh + i)] == step.old + i ? 1 : 0;
  return static_cast<double>(placed) / static_cast<double>(origin.size());
}

std::vector<std::int64_t> origin_from(std::int64_t start, std::size_t count) {
  std::vector<std::int64_t> origin(count);
  std::iota(origin.begin(), origin.end(), start);
  return origin;
}

std::int64_t bytes_alike(const std::vector<MatchStep>& steps) {
  std::int64_t alike = 0;
  for (const MatchStep& step : steps) alike += step.alike;
  return alike;
}

TEST(WindowMatcher, AnEqualFileIsOneStretch) {
  Rng rng(1);
  const Bytes file = random_bytes(rng, mebibyte);
  const auto steps = steps_of(file, file);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].alike, static_cast<std::int64_t>(mebibyte));
}

TEST(WindowMatcher, EmptyAndTinyFilesAreCovered) {
  Rng rng(2);
  const Bytes sizes[] = {{}, {1}, random_bytes(rng, 31), random_bytes(rng, 200)};
  for (const Bytes& old : sizes)
    for (const Bytes& fresh : sizes) steps_of(old, fresh);
}

TEST(WindowMatcher, WhatMovedBehindALongerHeaderIsFound) {
  Rng rng(3);
  const Bytes body = random_bytes(rng, mebibyte);
  const auto steps = steps_of(joined({random_bytes(rng, 100), body}), joined({random_bytes(rng, 124), body}));
  EXPECT_LE(steps.size(), 3U);
  EXPECT_GE(bytes_alike(steps), static_cast<std::int64_t>(mebibyte));
}

TEST(WindowMatcher, BlocksInAnotherOrderAreFound) {
  Rng rng(4);
  constexpr std::size_t block = 20'000, blocks = 50;
  const Bytes old = random_bytes(rng, block * blocks);
  Bytes fresh;
  std::vector<std::int64_t> origin;
  for (std::size_t i = 0; i < blocks; ++i) {
    const std::size_t from = (i * 17 + 5) % blocks * block;
    fresh = joined({std::move(fresh), slice(old, from, block)});
    const auto more = origin_from(static_cast<std::int64_t>(from), block);
    origin.insert(origin.end(), more.begin(), more.end());
  }
  EXPECT_GT(share_placed(steps_of(old, fresh), origin), 0.9999);
}

TEST(WindowMatcher, FewStepsAreTakenWhereNothingIsAlike) {
  Rng rng(5);
  EXPECT_LT(steps_of(random_bytes(rng, mebibyte), random_bytes(rng, mebibyte)).size(), 3U);
}

// Hardly any 32 bytes of them are the same. The ends differ, too: the sizes tell nothing of where the numbers lie.
TEST(WindowMatcher, NumbersThatAllMovedAreFoundBehindALongerHeader) {
  Rng rng(6);
  const Bytes weights = random_weights(rng, 100'000);
  const Bytes old = joined({random_bytes(rng, 1000), weights, random_bytes(rng, 777)});
  const Bytes fresh = joined({random_bytes(rng, 1024), trained(rng, weights), random_bytes(rng, 3000)});
  const auto origin = origin_from(-24, fresh.size());
  EXPECT_GT(share_placed(steps_of(old, fresh), origin), 0.98);
}

TEST(WindowMatcher, NumbersThatAllMovedAreFoundInAnotherOrder) {
  Rng rng(7);
  constexpr std::size_t block = 100'000;
  const Bytes old = random_weights(rng, 5 * block / 4);
  Bytes fresh;
  std::vector<std::int64_t> origin;
  for (const std::size_t from : {3 * block, 0 * block, 4 * block, 2 * block, 1 * block}) {
    fresh = joined({std::move(fresh), trained(rng, slice(old, from, block))});
    const auto more = origin_from(static_cast<std::int64_t>(from), block);
    origin.insert(origin.end(), more.begin(), more.end());
  }
  EXPECT_GT(share_placed(steps_of(old, fresh), origin), 0.98);
}

// Each of these would take minutes if every byte were compared with every other.
TEST(WindowMatcher, MonotonousBytesTakeLinearTime) {
  constexpr std::size_t size = 2 * mebibyte;
  const Bytes zeros(size);
  Bytes ones(size, 1), waves(size), other_waves(size + 5);
  for (std::size_t i = 0; i < size; ++i) waves[i] = static_cast<std::uint8_t>(i % 4 == 0 ? 0x3f : i % 4);
  for (std::size_t i = 0; i < size; ++i) other_waves[i] = waves[(i + i / 1000) % size];
  EXPECT_EQ(bytes_alike(steps_of(zeros, Bytes(size + 100))), static_cast<std::int64_t>(size));
  EXPECT_EQ(bytes_alike(steps_of(zeros, ones)), 0);
  steps_of(ones, other_waves);
  steps_of(waves, other_waves);
  steps_of(waves, zeros);
}

TEST(WindowMatcher, StepsAreBoundedHoweverTheFileIsShuffled) {
  Rng rng(8);
  constexpr std::size_t block = 64;
  const Bytes old = random_bytes(rng, 4 * mebibyte);
  Bytes fresh(old.size());
  for (std::size_t to = 0; to < fresh.size(); to += block) {
    const std::size_t from = rng.below(old.size() / block) * block;
    std::copy_n(old.begin() + static_cast<std::ptrdiff_t>(from), block,
                fresh.begin() + static_cast<std::ptrdiff_t>(to));
  }
  EXPECT_LT(steps_of(old, fresh).size(), 60'000U);
}

TEST(WindowMatcher, IsCancelledByProgress) {
  Rng rng(9);
  const Bytes old = random_bytes(rng, mebibyte), fresh = random_bytes(rng, mebibyte);
  const PatchProgress no = [](std::uint64_t, std::uint64_t) { return false; };
  EXPECT_EQ(WindowIndex::build(old, {{0, old.size()}}, no).error().code, Errc::cancelled);
  const auto index = WindowIndex::build(old, {{0, old.size()}}, nullptr).value();
  for (const std::uint64_t most : {0U, 1U, 300'000U}) {
    const PatchProgress until = [&](std::uint64_t done, std::uint64_t) { return done < most; };
    EXPECT_EQ(match_windows(
                  old, fresh, index, 0, [](const MatchStep&) {}, until)
                  .error()
                  .code,
              Errc::cancelled);
  }
}

TEST(WindowIndex, TakesNoMoreMemoryForALargeFile) {
  Rng rng(10);
  const Bytes old = random_bytes(rng, 4 * mebibyte);
  const auto found = [&](const WindowIndex& index) {
    std::size_t count = 0;
    for (std::size_t i = 0; i + ByteWindow::span <= old.size(); ++i)
      count += index.find<ByteWindow>(ByteWindow::hash_of(old.data() + i), old.data() + i) == i ? 1 : 0;
    return count;
  };
  const auto small = WindowIndex::build(old, {{0, old.size()}}, nullptr).value();
  EXPECT_GT(found(small), old.size() / small.stride_bytes() * 7 / 10);
  // The same bytes over and over stand for a file of 4 GiB.
  const std::vector<Extent> parts(1024, {0, old.size()});
  const auto large = WindowIndex::build(old, parts, nullptr).value();
  EXPECT_LE(large.memory_bytes(), 32 * mebibyte);
  EXPECT_GT(found(large), old.size() / large.stride_bytes() / 2);
}

TEST(WindowIndex, RollingOnIsBeginningAnew) {
  Rng rng(11);
  const Bytes bytes = random_bytes(rng, 1000);
  const auto check = [&]<class Window>() {
    HashesAhead<Window> hashes;
    hashes.begin(bytes.data(), [](std::uint64_t) {});
    for (std::size_t i = 0; i + HashesAhead<Window>::needed < bytes.size(); ++i) {
      ASSERT_EQ(hashes.hash(), Window::hash_of(bytes.data() + i)) << i;
      hashes.move_on(bytes.data() + i, [](std::uint64_t) {});
    }
  };
  check.operator()<ByteWindow>();
  check.operator()<NumberWindow>();
}

class WindowPatch : public TensorPatchFixture {
 protected:
  // No memory for sorted suffixes.
  WindowPatch() { limits_.max_memory_bytes = 0; }
};

Bytes some_part(Rng& rng) {
  const std::size_t size = rng.below(20'000);
  switch (rng.below(4)) {
    case 0:
      return Bytes(size, static_cast<std::uint8_t>(rng.below(2)));
    case 1:
      return random_bytes(rng, size);
    default:
      return random_weights(rng, size / 4);
  }
}

Bytes with_edits(Rng& rng, Bytes bytes) {
  const std::size_t from = rng.below(bytes.size() + 1), count = rng.below(bytes.size() - from + 1);
  const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(from);
  const auto end = first + static_cast<std::ptrdiff_t>(count);
  switch (rng.below(5)) {
    case 0:
      bytes.erase(first, end);
      return bytes;
    case 1: {
      const Bytes more = some_part(rng);
      bytes.insert(first, more.begin(), more.end());
      return bytes;
    }
    case 2:
      std::rotate(bytes.begin(), first, bytes.end());
      return bytes;
    case 3:
      for (auto byte = first; byte != end; ++byte) *byte = rng.chance(0.001) ? static_cast<std::uint8_t>(rng()) : *byte;
      return bytes;
    default: {
      const Bytes moved = trained(rng, Bytes(first, end));
      std::copy(moved.begin(), moved.end(), first);
      return bytes;
    }
  }
}

TEST_F(WindowPatch, RandomEditsOfRandomFilesComeBack) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    Bytes old;
    for (std::uint64_t i = 0, parts = rng.below(6); i < parts; ++i) old = joined({std::move(old), some_part(rng)});
    Bytes fresh = old;
    for (std::uint64_t i = 0, edits = rng.below(8); i < edits; ++i) fresh = with_edits(rng, std::move(fresh));
    ratio(old, fresh);
    if (HasFailure()) return;
  }
}

TEST_F(WindowPatch, ShuffledBlocksWithSmallEditsTakeLittle) {
  Rng rng(12);
  const Bytes old = random_weights(rng, mebibyte / 4);
  Bytes fresh;
  for (std::size_t i = 0; i < 16; ++i) {
    Bytes block = slice(old, (i * 7 + 3) % 16 * (mebibyte / 16), mebibyte / 16);
    block.erase(block.begin() + 5000, block.begin() + 5000 + static_cast<std::ptrdiff_t>(rng.below(40)));
    for (std::size_t k = 30'000; k < 30'020; ++k) block[k] = static_cast<std::uint8_t>(rng());
    fresh = joined({std::move(fresh), std::move(block)});
  }
  EXPECT_LT(ratio(old, fresh), 0.003);
}

TEST_F(WindowPatch, ATrainedModelOfUnknownFormTakesTheBitsThatChanged) {
  Rng rng(13);
  const Bytes weights = random_weights(rng, mebibyte / 4);
  const Bytes old = joined({random_bytes(rng, 1000), weights, random_bytes(rng, 777)});
  const Bytes fresh = joined({random_bytes(rng, 1024), trained(rng, weights), random_bytes(rng, 1000)});
  EXPECT_LT(ratio(old, fresh), 0.59);
}

}  // namespace
}  // namespace argosy

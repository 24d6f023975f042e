// Small re-exports: zstd beside the old file.
#include <algorithm>

#include <gtest/gtest.h>

#include "common/delta/patch_info.hpp"
#include "common/delta/patch_make.hpp"
#include "common/delta/zstd_from_apply.hpp"
#include "common/delta/zstd_from_encode.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy {
namespace {

class ZstdFrom : public testing::Test {
 protected:
  DeltaFiles files_;
  Rng rng_{21};
  const Bytes old_ = random_bytes(rng_, 700'000);
  const Bytes fresh_ = shuffled(old_);

  // A re-export: the same stretches in another order, with short headers between them.
  Bytes shuffled(const Bytes& content) {
    Bytes mixed;
    for (std::size_t i = 0; i < 70; ++i) {
      const std::size_t from = i * 37 % 70 * 10'000;
      mixed.push_back(static_cast<std::uint8_t>(i));
      mixed.insert(mixed.end(), content.begin() + static_cast<std::ptrdiff_t>(from),
                   content.begin() + static_cast<std::ptrdiff_t>(from + 10'000));
    }
    return mixed;
  }
  Result<Bytes> apply(ByteView old, ByteView patch) {
    return apply_to_bytes({.old_path = files_.write("old", old),
                           .patch_path = files_.write("patch", patch),
                           .expected_old = std::nullopt,
                           .expected_new = std::nullopt});
  }
};

TEST_F(ZstdFrom, FilesOfManySizesComeBack) {
  for (const std::size_t size : {0u, 1u, 1'000u, 700'070u}) {
    const ByteView fresh = ByteView(fresh_).first(size);
    const Bytes patch = encode_zstd_from(old_, fresh).value();
    const auto rebuilt = apply(old_, patch);
    ASSERT_TRUE(rebuilt) << size << ": " << rebuilt.error().message;
    EXPECT_TRUE(std::equal(rebuilt->begin(), rebuilt->end(), fresh.begin(), fresh.end()));
    EXPECT_EQ(inspect_patch(files_.path("patch"))->codec, PatchCodec::zstd_from);
  }
}

TEST_F(ZstdFrom, WinsOverWhatWorksInChunksWhereLinesMovedFarAway) {
  std::vector<Bytes> lines(20'000, Bytes(40));
  for (Bytes& line : lines)
    for (std::uint8_t& letter : line) letter = static_cast<std::uint8_t>('a' + rng_.below(26));
  const auto text = [&] {
    Bytes all;
    for (const Bytes& line : lines) all.insert(all.end(), line.begin(), line.end());
    return all;
  };
  MakeRequest request;
  request.old_path = files_.write("old", text());
  std::shuffle(lines.begin(), lines.end(), rng_);
  request.new_path = files_.write("new", text());
  request.patch_path = files_.path("patch");
  request.candidates = {PatchCodec::tensor, PatchCodec::zstd_from, PatchCodec::zstd};
  const auto report = make_patch(request);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->codec, PatchCodec::zstd_from);
}

TEST_F(ZstdFrom, AnotherBaseIsRefused) {
  const Bytes patch = encode_zstd_from(old_, fresh_).value();
  EXPECT_EQ(apply(fresh_, patch).error().code, Errc::base_mismatch);
}

TEST_F(ZstdFrom, CutAnywhereOrWithMoreBehindItIsRefused) {
  const Bytes patch = encode_zstd_from(old_, ByteView(fresh_).first(1'000)).value();
  for (std::size_t size = 0; size < patch.size(); ++size) {
    const auto applied = apply(old_, ByteView(patch).first(size));
    ASSERT_FALSE(applied) << size;
    EXPECT_TRUE(applied.error().code == Errc::truncated || applied.error().code == Errc::malformed_patch) << size;
  }
  Bytes longer = patch;
  longer.push_back(0);
  EXPECT_FALSE(apply(old_, longer));
}

TEST_F(ZstdFrom, AnyFlippedBitIsNoticedOrHarmless) {
  const ByteView fresh = ByteView(fresh_).first(300);
  const Bytes patch = encode_zstd_from(old_, fresh).value();
  for (std::size_t bit = 0; bit < patch.size() * 8; ++bit) {
    Bytes damaged = patch;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ 1 << bit % 8);
    const auto made = apply(old_, damaged);
    EXPECT_TRUE(!made || std::equal(made->begin(), made->end(), fresh.begin(), fresh.end())) << "bit " << bit;
  }
}

TEST_F(ZstdFrom, TakesNoMoreMemoryThanItsLimit) {
  EXPECT_EQ(encode_zstd_from(Bytes(3 << 20), Bytes(2 << 20)).error().code, Errc::too_large);
  EXPECT_EQ(encode_zstd_from(Bytes(), Bytes((2 << 20) + 1)).error().code, Errc::too_large);
  const Bytes patch = encode_zstd_from(Bytes(), Bytes(2 << 20)).value();
  EXPECT_EQ(apply(Bytes(3 << 20), patch).error().code, Errc::too_large);
}

}  // namespace
}  // namespace argosy

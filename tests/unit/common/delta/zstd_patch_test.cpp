#include <gtest/gtest.h>
#include <zstd.h>

#include "common/delta/patch_info.hpp"
#include "common/delta/zstd_encode.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy {
namespace {

class ZstdPatch : public testing::Test {
 protected:
  DeltaFiles files_;
  const std::filesystem::path old_path_ = files_.write("old", as_bytes("unused"));

  Bytes encode(const Bytes& fresh) {
    const auto encoded = encode_zstd(files_.write("new", fresh), files_.path("patch"));
    EXPECT_TRUE(encoded) << encoded.error().message;
    return files_.read("patch");
  }
  Result<Bytes> apply(ByteView patch) {
    return apply_to_bytes({.old_path = old_path_,
                           .patch_path = files_.write("patch", patch),
                           .expected_old = std::nullopt,
                           .expected_new = std::nullopt});
  }
};

TEST_F(ZstdPatch, FilesOfManySizesComeBack) {
  Rng rng(1);
  for (const std::size_t size : {0u, 1u, 255u, 65'535u, 65'536u, 65'537u, 200'000u}) {
    const Bytes fresh = random_weights(rng, size / 4);
    const auto rebuilt = apply(encode(fresh));
    ASSERT_TRUE(rebuilt) << size << ": " << rebuilt.error().message;
    EXPECT_EQ(*rebuilt, fresh);
  }
}

TEST_F(ZstdPatch, LargerFilesThanTheWindowComeBack) {
  Rng rng(2);
  Bytes fresh = random_bytes(rng, 1 << 20);
  fresh.resize(9 << 20);
  const auto rebuilt = apply(encode(fresh));
  ASSERT_TRUE(rebuilt) << rebuilt.error().message;
  EXPECT_EQ(*rebuilt, fresh);
}

TEST_F(ZstdPatch, CutAnywhereIsTruncated) {
  const Bytes patch = encode(Bytes(1'000, 'x'));
  for (std::size_t size = 0; size < patch.size(); ++size) {
    const auto result = apply(ByteView(patch).first(size));
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().code, Errc::truncated) << size << ": " << result.error().message;
  }
}

TEST_F(ZstdPatch, AnyFlippedBitIsNoticedOrHarmless) {
  Rng rng(3);
  const Bytes fresh = random_weights(rng, 50);
  const Bytes patch = encode(fresh);
  for (std::size_t bit = 0; bit < patch.size() * 8; ++bit) {
    Bytes damaged = patch;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ 1 << bit % 8);
    const auto result = apply(damaged);
    EXPECT_TRUE(!result || *result == fresh) << "bit " << bit;
  }
}

TEST_F(ZstdPatch, AnythingBehindTheFrameIsRefused) {
  Bytes patch = encode(Bytes(1'000, 'x'));
  patch.push_back(0);
  EXPECT_EQ(apply(patch).error().code, Errc::malformed_patch);
}

TEST_F(ZstdPatch, AHugeWindowIsRefused) {
  Bytes fresh(64 << 20);
  Bytes patch(ZSTD_compressBound(fresh.size()));
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 26);
  patch.resize(ZSTD_compress2(context, patch.data(), patch.size(), fresh.data(), fresh.size()));
  ZSTD_freeCCtx(context);
  const auto result = apply(patch);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::malformed_patch) << result.error().message;
}

TEST_F(ZstdPatch, IsCancelledByItsProgress) {
  const auto fresh = files_.write("new", Bytes(1 << 20));
  const auto encoded =
      encode_zstd(fresh, files_.path("patch"), [](std::uint64_t done, std::uint64_t) { return done < 200'000; });
  ASSERT_FALSE(encoded);
  EXPECT_EQ(encoded.error().code, Errc::cancelled);
}

}  // namespace
}  // namespace argosy

// Patches that are cut, damaged or made to harm: each ends in a clear error, within the announced size and memory.
#include <limits>

#include <gtest/gtest.h>

#include "common/delta/bsdiff_encode.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy {
namespace {

constexpr auto most = std::numeric_limits<std::int64_t>::max();

class HostilePatch : public testing::Test {
 protected:
  DeltaFiles files_;
  const Bytes old_ = Bytes(100, 'o');
  const std::filesystem::path old_path_ = files_.write("old", old_);

  Result<Bytes> apply(ByteView patch) {
    return apply_to_bytes({.old_path = old_path_,
                           .patch_path = files_.write("patch", patch),
                           .expected_old = std::nullopt,
                           .expected_new = std::nullopt});
  }
  void expect_error(const PatchParts& parts, Errc code, std::string_view message) {
    const auto result = apply(parts.assemble());
    ASSERT_FALSE(result) << message;
    EXPECT_EQ(result.error().code, code) << result.error().message;
    EXPECT_NE(result.error().message.find(message), std::string::npos) << result.error().message;
  }
};

TEST_F(HostilePatch, TheHandMadePatchItselfIsGood) {
  const auto result = apply(PatchParts{{{3, 2, 5}, {1, 0, 0}}, {0, 1, 2, 0}, {'x', 'y'}, 6}.assemble());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(as_text(*result), "opqxyo");
}

TEST_F(HostilePatch, CutAnywhereIsTruncated) {
  Rng rng(1);
  Bytes fresh = old_;
  fresh[3] = 'x';
  fresh.insert(fresh.end(), {'m', 'o', 'r', 'e'});
  const Bytes patch = encode_bsdiff(old_, fresh).value();
  ASSERT_TRUE(apply(patch));
  for (std::size_t size = 0; size < patch.size(); ++size) {
    const auto result = apply(ByteView(patch).first(size));
    ASSERT_FALSE(result) << "cut to " << size << " of " << patch.size();
    EXPECT_EQ(result.error().code, Errc::truncated) << size << ": " << result.error().message;
  }
}

TEST_F(HostilePatch, AnyFlippedBitIsNoticedOrHarmless) {
  Bytes fresh = old_;
  fresh[3] = 'x';
  fresh.insert(fresh.end(), {'m', 'o', 'r', 'e'});
  const Bytes patch = encode_bsdiff(old_, fresh).value();
  files_.write("patch", patch);
  for (std::size_t bit = 0; bit < patch.size() * 8; ++bit) {
    Bytes damaged = patch;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ 1 << bit % 8);
    const auto result = apply(damaged);
    EXPECT_TRUE(!result || *result == fresh) << "bit " << bit << " changed the result unnoticed";
  }
}

TEST_F(HostilePatch, HeaderFields) {
  const Bytes good = PatchParts{{{3, 0, 0}}, {0, 0, 0}, {}, 3}.assemble();
  const auto with = [&](std::size_t field, std::int64_t value) {
    Bytes patch = good;
    bsdiff::put_number(value, patch.data() + field);
    return apply(patch);
  };
  for (const std::size_t field : {8u, 16u, 24u}) EXPECT_EQ(with(field, -1).error().code, Errc::malformed_patch);
  EXPECT_EQ(with(8, most).error().code, Errc::truncated);
  EXPECT_EQ(with(16, most).error().code, Errc::truncated);
  EXPECT_EQ(with(24, most).error().code, Errc::too_large);
  EXPECT_EQ(with(8, 0).error().code, Errc::truncated) << "a control stream of no bytes";
  EXPECT_EQ(with(16, 0).error().code, Errc::truncated) << "a difference stream of no bytes";
  EXPECT_EQ(with(8, 20).error().code, Errc::truncated) << "streams that begin at wrong places";
  EXPECT_EQ(with(24, 2).error().code, Errc::malformed_patch) << "fewer bytes announced than made";
  EXPECT_FALSE(with(24, 4)) << "more bytes announced than made";
  Bytes wrong_magic = good;
  wrong_magic[7] = '1';
  EXPECT_EQ(apply(wrong_magic).error().code, Errc::malformed_patch);
}

TEST_F(HostilePatch, StepsOutsideTheOldFile) {
  const Bytes zeros(200, 0);
  expect_error({{{101, 0, 0}}, Bytes(101, 0), {}, 101}, Errc::malformed_patch, "of an old file of 100");
  expect_error({{{1, 0, 100}, {1, 0, 0}}, {0, 0}, {}, 2}, Errc::malformed_patch, "reads 1 bytes from 101");
  expect_error({{{1, 0, -2}, {1, 0, 0}}, {0, 0}, {}, 2}, Errc::malformed_patch, "reads 1 bytes from -1");
  expect_error({{{1, 0, most}, {1, 0, 0}}, {0, 0}, {}, 2}, Errc::malformed_patch, "moves too far");
}

TEST_F(HostilePatch, StepsWithAbsurdLengths) {
  expect_error({{{-1, 0, 0}}, {}, {}, 10}, Errc::malformed_patch, "negative length");
  expect_error({{{0, -1, 0}}, {}, {}, 10}, Errc::malformed_patch, "negative length");
  expect_error({{{0, most, 0}}, {}, {'x'}, 10}, Errc::malformed_patch, "more than the 10 bytes");
  expect_error({{{most, 0, 0}}, {}, {}, 10}, Errc::malformed_patch, "reads");
  expect_error({{{50, 0, 0}}, Bytes(50, 0), {}, 10}, Errc::malformed_patch, "more than the 10 bytes");
}

TEST_F(HostilePatch, StepsThatDoNothingForEver) {
  const std::vector<bsdiff::Control> idle(100'000, bsdiff::Control{});
  expect_error({idle, {}, {}, 10}, Errc::malformed_patch, "more steps than result bytes");
}

TEST_F(HostilePatch, StreamsThatAreTooShortOrTooLong) {
  expect_error({{}, {}, {}, 10}, Errc::malformed_patch, "control stream holds too few bytes");
  expect_error({{{10, 0, 0}}, {0}, {}, 10}, Errc::malformed_patch, "difference stream holds too few bytes");
  expect_error({{{0, 10, 0}}, {}, {'x'}, 10}, Errc::malformed_patch, "extra stream holds too few bytes");
  expect_error({{{1, 0, 0}, {0, 0, 0}}, {0}, {}, 1}, Errc::malformed_patch, "control stream holds more bytes");
  expect_error({{{1, 0, 0}}, {0, 0}, {}, 1}, Errc::malformed_patch, "difference stream holds more bytes");
  expect_error({{{1, 0, 0}}, {0}, {'x'}, 1}, Errc::malformed_patch, "extra stream holds more bytes");
  Bytes followed = PatchParts{{{1, 0, 0}}, {0}, {}, 1}.assemble();
  followed.push_back(0);
  EXPECT_NE(apply(followed).error().message.find("followed by other bytes"), std::string::npos);
}

TEST_F(HostilePatch, ABombStopsAtTheAnnouncedSize) {
  // 64 MiB of zeros compress to 50 bytes or so; the header announces 10.
  const Bytes patch = PatchParts{{{0, 64 << 20, 0}}, {}, Bytes(64 << 20, 0), 10}.assemble();
  ASSERT_LT(patch.size(), 1'000u);
  EXPECT_EQ(apply(patch).error().code, Errc::malformed_patch);
}

TEST_F(HostilePatch, ResultsOverTheLimitAreRefusedBeforeTheyBegin) {
  std::size_t sunk = 0;
  const PatchSink sink = [&](ByteView data) -> Result<void> {
    sunk += data.size();
    return {};
  };
  const auto patch = files_.write("patch", PatchParts{{{0, 100, 0}}, {}, Bytes(100, 0), 100}.assemble());
  const auto applied = apply_patch({.old_path = old_path_,
                                    .patch_path = patch,
                                    .expected_old = std::nullopt,
                                    .expected_new = std::nullopt,
                                    .max_result_bytes = 99},
                                   sink);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, Errc::too_large);
  EXPECT_EQ(applied.error().message, "the patch makes a file of 100 bytes, over the limit of 99");
  EXPECT_EQ(sunk, 0u);
}

TEST_F(HostilePatch, NoiseIsNeverAPatch) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    Bytes noise = random_bytes(rng, rng.below(200));
    const std::string_view magic = seed % 2 == 0 ? "BSDIFF40" : "\x28\xb5\x2f\xfd";
    std::copy_n(magic.begin(), std::min(magic.size(), noise.size()), noise.begin());
    EXPECT_FALSE(apply(noise)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace argosy

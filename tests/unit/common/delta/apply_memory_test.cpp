// Applying takes a bounded memory, whatever the size of the files.
#include <cstdio>

#include <gtest/gtest.h>
#include <malloc.h>

#include "common/delta/bsdiff_encode.hpp"
#include "common/delta/tensor_encode.hpp"
#include "common/delta/zstd_encode.hpp"
#include "common/delta/zstd_from_encode.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy {
namespace {

constexpr std::size_t mib = 1 << 20;

std::int64_t resident_bytes() {
  long pages = 0;
  FILE* statm = std::fopen("/proc/self/statm", "r");
  const int read = statm == nullptr ? 0 : std::fscanf(statm, "%*d %ld", &pages);
  if (statm != nullptr) std::fclose(statm);
  EXPECT_EQ(read, 1);
  return pages * ::sysconf(_SC_PAGESIZE);
}

// 64 MiB of result: noise over old bytes and new bytes of noise, so that libbz2's blocks are full, then long equal
// runs.
PatchParts large_patch(Rng& rng) {
  PatchParts parts;
  parts.difference = random_bytes(rng, 4 * mib);
  parts.difference.resize(60 * mib);
  parts.extra = random_bytes(rng, 4 * mib);
  for (std::int64_t i = 0; i < 4; ++i) parts.steps.push_back({mib, mib, 0});
  parts.steps.push_back({56 * mib, 0, 0});
  parts.new_size = 64 * mib;
  return parts;
}

// Resident memory that applying adds at its peak.
std::int64_t growth_of_applying(const DeltaFiles& files, std::uint64_t result_bytes = 64 * mib) {
  ::malloc_trim(0);

  const std::int64_t before = resident_bytes();
  std::int64_t peak = before;
  const auto applied = apply_patch_to_file({.old_path = files.path("old"),
                                            .patch_path = files.path("patch"),
                                            .expected_old = std::nullopt,
                                            .expected_new = std::nullopt},
                                           files.path("new"), [&](std::uint64_t, std::uint64_t) {
                                             peak = std::max(peak, resident_bytes());
                                             return true;
                                           });
  EXPECT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(applied ? applied->result.size_bytes : 0, result_bytes);
  return peak - before;
}

std::int64_t bound_of(PatchCodec codec) {
  return static_cast<std::int64_t>(facts_of(codec).apply_memory_bytes);
}

class ApplyMemory : public testing::Test {
 protected:
  void SetUp() override {
#ifdef ARGOSY_SANITIZE
    GTEST_SKIP() << "sanitizers keep memory of their own";
#endif
  }
  DeltaFiles files_;
  Rng rng_{5};
};

TEST_F(ApplyMemory, OfBsdiffStaysUnderItsBoundFor64MiB) {
  files_.write("patch", large_patch(rng_).assemble());
  files_.write("old", Bytes(60 * mib, 'o'));
  EXPECT_LT(growth_of_applying(files_), bound_of(PatchCodec::bsdiff));
}

TEST_F(ApplyMemory, OfOurOwnBsdiffStaysUnder3MiB) {
  const Bytes old = random_bytes(rng_, 4 * mib);
  Bytes fresh;
  for (std::size_t i = 0; i < old.size(); i += 8'192) {  // each stretch over old bytes, then as many new ones of noise
    fresh.insert(fresh.end(), old.begin() + static_cast<std::ptrdiff_t>(i),
                 old.begin() + static_cast<std::ptrdiff_t>(i + 8'192));
    for (std::size_t at = fresh.size() - 8'192; at < fresh.size(); at += 1 + rng_.below(6))
      fresh[at] = static_cast<std::uint8_t>(fresh[at] + rng_.below(256));
    const Bytes noise = random_bytes(rng_, 2'048);
    fresh.insert(fresh.end(), noise.begin(), noise.end());
  }
  files_.write("old", old);
  files_.write("patch", encode_bsdiff(old, fresh, {}, {}).value());
  EXPECT_LT(growth_of_applying(files_, fresh.size()), 3 * static_cast<std::int64_t>(mib));
}

TEST_F(ApplyMemory, OfZstdStaysUnderItsBoundFor24MiB) {
  const Bytes noise = random_bytes(rng_, 3 * mib);
  Bytes fresh;
  while (fresh.size() < 24 * mib)
    fresh.insert(fresh.end(), noise.begin(), noise.begin() + (fresh.size() < 22 * mib ? 3 * mib : 2 * mib));
  fresh.resize(24 * mib);
  files_.write("old", {});
  ASSERT_TRUE(encode_zstd(files_.write("new", fresh), files_.path("patch"), {}));
  fresh = {};
  EXPECT_LT(growth_of_applying(files_, 24 * mib), bound_of(PatchCodec::zstd));
}

TEST_F(ApplyMemory, OfZstdBesideTheOldFileStaysUnderItsBound) {
  Bytes old = random_bytes(rng_, 2 * mib);
  Bytes fresh(old.begin() + 1'000, old.end());
  fresh.resize(2 * mib, 7);
  files_.write("old", old);
  files_.write("patch", encode_zstd_from(old, fresh).value());
  old = {}, fresh = {};
  EXPECT_LT(growth_of_applying(files_, 2 * mib), bound_of(PatchCodec::zstd_from));
}

TEST_F(ApplyMemory, OfTensorStaysUnderItsBoundFor64MiB) {
  const Bytes weights = random_weights(rng_, mib);
  Bytes old, fresh;
  for (int i = 0; i < 16; ++i) {
    old.insert(old.end(), weights.begin(), weights.end());
    fresh.insert(fresh.end(), weights.begin(), weights.end());
  }
  for (std::size_t i = 0; i < fresh.size(); i += 4) fresh[i] = static_cast<std::uint8_t>(fresh[i] + rng_.below(100));
  ASSERT_TRUE(encode_tensor(files_.write("old", old), files_.write("new", fresh), files_.path("patch")));
  old = fresh = {};
  EXPECT_LT(growth_of_applying(files_), bound_of(PatchCodec::tensor));
}

}  // namespace
}  // namespace argosy

// Applying takes a bounded memory, whatever the size of the files.
#include <cstdio>

#include <gtest/gtest.h>
#include <malloc.h>

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

TEST(ApplyMemory, StaysUnder10MiBFor64MiB) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers keep memory of their own";
#endif
  DeltaFiles files;
  Rng rng(5);
  files.write("patch", large_patch(rng).assemble());
  files.write("old", Bytes(60 * mib, 'o'));
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
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(applied->result.size_bytes, 64 * mib);
  RecordProperty("resident_growth_bytes", std::to_string(peak - before));
  EXPECT_LT(peak - before, 10 * static_cast<std::int64_t>(mib)) << "resident memory grew by " << peak - before;
}

}  // namespace
}  // namespace argosy

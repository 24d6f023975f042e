// Replays the corpus of the patch fuzzer, and mutations of it.
#include <gtest/gtest.h>

#include "common/delta/patch_info.hpp"
#include "tests/fuzz/patch/patch_seeds.hpp"
#include "tests/support/fuzz_replay.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy {
namespace {

TEST(PatchFuzz, TheCorpusKeepsThePromises) {
  const auto inputs = test::corpus(ARGOSY_FUZZ_CORPUS);
  ASSERT_GE(inputs.size(), 8u);
  for (const auto& input : inputs) LLVMFuzzerTestOneInput(input.data(), input.size());
}

TEST(PatchFuzz, MutationsKeepThePromises) {
  test::replay_mutations(test::corpus(ARGOSY_FUZZ_CORPUS), 3'000);
}

const std::filesystem::path steps_seed = std::filesystem::path(ARGOSY_FUZZ_CORPUS) / "argosy_tensor_steps";

TEST(PatchFuzz, TheSeedWithStepsApplies) {
  const DeltaFiles files;
  const auto made = apply_to_bytes({.old_path = files.write("old", fuzzed_old_content()),
                                    .patch_path = steps_seed,
                                    .expected_old = std::nullopt,
                                    .expected_new = std::nullopt});
  ASSERT_TRUE(made) << made.error().message;
  files.write("patch", patch_with_steps());
  EXPECT_EQ(measure(*made), inspect_patch(files.path("patch"))->new_file) << "write the seed anew, see below";
}

// After a change of the format: argosy_patch_fuzz_test --gtest_also_run_disabled_tests --gtest_filter='*WriteTheSeed*'
TEST(PatchFuzz, DISABLED_WriteTheSeedWithSteps) {
  EXPECT_TRUE(write_file_atomically(steps_seed, as_text(patch_with_steps())));
}

}  // namespace
}  // namespace argosy

// Replays the corpus of the patch fuzzer, and mutations of it.
#include <gtest/gtest.h>

#include "common/delta/patch_info.hpp"
#include "common/delta/tensor_encode.hpp"
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

const std::filesystem::path corpus_folder = ARGOSY_FUZZ_CORPUS;

// What the encoder makes of the old file and one that shares blocks, numbers or nothing with it.
std::vector<std::pair<std::string, Bytes>> seeds_of_the_encoder() {
  Rng rng(1);
  const Bytes old = fuzzed_old_content();
  Bytes copied = old, moved = old, sorted(2048), mixed;
  std::rotate(copied.begin(), copied.begin() + 1000, copied.end());
  for (std::size_t i = 0; i < moved.size(); i += 4) moved[i] = static_cast<std::uint8_t>(moved[i] + rng.below(5));
  for (std::size_t i = 0, number = 0; i < sorted.size(); i += 2) {
    number += rng.below(9);
    sorted[i] = static_cast<std::uint8_t>(number);
    sorted[i + 1] = static_cast<std::uint8_t>(number >> 8);
  }
  const Bytes random = random_bytes(rng, 300), weights = random_weights(rng, 128);
  for (const Bytes& part : {moved, weights, random, sorted}) mixed.insert(mixed.end(), part.begin(), part.end());
  return {{"argosy_tensor_copy", copied},
          {"argosy_tensor_delta", moved},
          {"argosy_tensor_serial", sorted},
          {"argosy_tensor_mixed", mixed}};
}

// After a change of the format, write the seeds anew as below.
TEST(PatchFuzz, TheSeedsOfTensorPatchesApply) {
  const DeltaFiles files;
  const auto apply_seed = [&](const std::string& name) {
    return apply_to_bytes({.old_path = files.write("old", fuzzed_old_content()),
                           .patch_path = corpus_folder / name,
                           .expected_old = std::nullopt,
                           .expected_new = std::nullopt});
  };
  for (const auto& [name, fresh] : seeds_of_the_encoder()) {
    const auto made = apply_seed(name);
    ASSERT_TRUE(made) << name << ": " << made.error().message;
    EXPECT_EQ(*made, fresh) << name;
  }
  const auto stepped = apply_seed("argosy_tensor_steps");
  ASSERT_TRUE(stepped) << stepped.error().message;
  files.write("patch", patch_with_steps());
  EXPECT_EQ(measure(*stepped), inspect_patch(files.path("patch"))->new_file);
}

// argosy_patch_fuzz_test --gtest_also_run_disabled_tests --gtest_filter='*WriteTheSeeds*'
TEST(PatchFuzz, DISABLED_WriteTheSeedsOfTensorPatches) {
  const DeltaFiles files;
  files.write("old", fuzzed_old_content());
  for (const auto& [name, fresh] : seeds_of_the_encoder())
    EXPECT_TRUE(encode_tensor(files.path("old"), files.write("new", fresh), corpus_folder / name));
  EXPECT_TRUE(write_file_atomically(corpus_folder / "argosy_tensor_steps", as_text(patch_with_steps())));
}

}  // namespace
}  // namespace argosy

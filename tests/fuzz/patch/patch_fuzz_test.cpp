// Replays the corpus of the patch fuzzer, and mutations of it.
#include <gtest/gtest.h>

#include "tests/support/fuzz_replay.hpp"

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

}  // namespace
}  // namespace argosy

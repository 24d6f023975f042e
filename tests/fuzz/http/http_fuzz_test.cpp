// Replays the corpus of the http fuzzer, and mutations of it.
#include <gtest/gtest.h>

#include "tests/support/fuzz_replay.hpp"

namespace argosy {
namespace {

TEST(HttpFuzz, TheCorpusAndItsMutationsKeepThePromises) {
  const auto corpus = test::corpus(ARGOSY_FUZZ_CORPUS);
  EXPECT_GE(corpus.size(), 3u);
  for (const auto& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
  test::replay_mutations(corpus, 2'000);
}

}  // namespace
}  // namespace argosy

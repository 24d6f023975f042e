// Replays the corpus of the signature fuzzer, and mutations of it in its own words.
#include <gtest/gtest.h>

#include "tests/support/fuzz_replay.hpp"

namespace argosy::signing {
namespace {

TEST(SignatureFuzz, TheCorpusAndItsMutationsKeepThePromises) {
  const std::vector<std::string> words{"\"",  "{",    "}",     "[",         "]",        ",",     ":", "null",
                                       "7",   "-1",   "1e999", "\\u0000",   "\\ud800",  "../",   "/", "sha256",
                                       "A==", "true", "\xff",  "\"name\":", "\"sig\":", "files", "0", "[[[["};
  const auto corpus = test::corpus(ARGOSY_FUZZ_CORPUS);
  EXPECT_GE(corpus.size(), 5u);
  for (const auto& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
  test::replay_mutations(corpus, 4'000, [&](Rng& rng, Bytes& input) { test::mutate_text(rng, input, words, corpus); });
}

}  // namespace
}  // namespace argosy::signing

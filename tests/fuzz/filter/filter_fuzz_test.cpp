// Replays the corpus of the filter fuzzer, and mutations of it in its own words.
#include <gtest/gtest.h>

#include "tests/support/fuzz_replay.hpp"

namespace argosy::server {
namespace {

TEST(FilterFuzz, TheCorpusAndItsMutationsKeepThePromises) {
  const std::vector<std::string> words{"AND", "OR ", "NOT ", "(",       ")",      "\"", "\\",
                                       "=",   "!=",  ":",    "labels.", "model.", " "};
  const auto corpus = test::corpus(ARGOSY_FUZZ_CORPUS);
  EXPECT_GE(corpus.size(), 5u);
  for (const auto& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
  test::replay_mutations(corpus, 50'000, [&](Rng& rng, Bytes& input) { test::mutate_text(rng, input, words, corpus); });
}

}  // namespace
}  // namespace argosy::server

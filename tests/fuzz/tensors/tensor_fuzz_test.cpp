// Replays the corpus of the tensor fuzzer, and mutations of it.
#include <set>

#include <gtest/gtest.h>

#include "common/tensors/tensor_map.hpp"
#include "tests/support/fuzz_replay.hpp"

namespace argosy {
namespace {

TEST(TensorFuzz, TheCorpusHasEveryFormatAndKeepsThePromises) {
  std::set<ModelFormat> formats;
  for (const auto& input : test::corpus(ARGOSY_FUZZ_CORPUS)) {
    LLVMFuzzerTestOneInput(input.data(), input.size());
    const auto map = find_tensors(input);
    EXPECT_EQ(map.remark, "");
    EXPECT_GE(map.tensors.size() + map.external.size(), 1u);
    formats.insert(map.format);
  }
  EXPECT_EQ(formats.size(), 6u);
}

TEST(TensorFuzz, MutationsKeepThePromises) {
  test::replay_mutations(test::corpus(ARGOSY_FUZZ_CORPUS), 20'000);
}

}  // namespace
}  // namespace argosy

// Replays the corpus and seeded mutations of it through the fuzz target; a broken promise aborts.
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "common/base/random.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace argosy::signing {
namespace {

std::vector<std::string> corpus() {
  std::vector<std::string> inputs;
  for (const auto& entry : std::filesystem::directory_iterator(ARGOSY_FUZZ_CORPUS))
    inputs.push_back(read_file(entry.path()).value());
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string mutated(std::string input, const std::vector<std::string>& inputs, Rng& rng) {
  static const std::string bits[] = {"\"",  "{",    "}",     "[",         "]",        ",",     ":", "null",
                                     "7",   "-1",   "1e999", "\\u0000",   "\\ud800",  "../",   "/", "sha256",
                                     "A==", "true", "\xff",  "\"name\":", "\"sig\":", "files", "0", "[[[["};
  for (std::uint64_t edits = 1 + rng.below(4); edits > 0; --edits) {
    const std::size_t at = rng.below(input.size() + 1);
    switch (rng.below(4)) {
      case 0:
        input.insert(at, bits[rng.below(std::size(bits))]);
        break;
      case 1:
        input.erase(at, rng.below(40));
        break;
      case 2:
        if (at < input.size()) input[at] = static_cast<char>(rng.below(256));
        break;
      default:
        input.insert(at, inputs[rng.below(inputs.size())].substr(0, rng.below(200)));
        break;
    }
  }
  return input;
}

TEST(SignatureFuzz, ReplaysTheCorpus) {
  const auto inputs = corpus();
  ASSERT_GE(inputs.size(), 5U);
  for (const std::string& input : inputs) run(input);
}

TEST(SignatureFuzz, SurvivesSeededMutations) {
  const auto inputs = corpus();
  Rng rng(11);
  for (int round = 0; round < 4'000; ++round) run(mutated(inputs[rng.below(inputs.size())], inputs, rng));
}

}  // namespace
}  // namespace argosy::signing

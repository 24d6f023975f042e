// Replaying a fuzzer's corpus and seeded mutations of it, where there is no libFuzzer. To go on from a seed, or for
// longer: ARGOSY_FUZZ_SEED=12000 ARGOSY_FUZZ_ROUNDS=1000000 PROGRAM
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/base/file.hpp"
#include "common/base/random.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace argosy::test {

// The inputs in a folder, by name.
inline std::vector<Bytes> corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> inputs;
  for (const auto& path : paths) {
    const auto text = read_file(path, 1 << 20).value();
    inputs.emplace_back(text.begin(), text.end());
  }
  return inputs;
}

inline std::uint64_t number_from(const char* variable, std::uint64_t fallback) {
  const char* text = std::getenv(variable);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

inline std::uint8_t interesting_byte(Rng& rng) {
  constexpr std::uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  return rng.chance(0.5) ? values[rng.below(std::size(values))] : static_cast<std::uint8_t>(rng());
}

inline void mutate(Rng& rng, Bytes& input) {
  const auto position = [&] { return static_cast<std::ptrdiff_t>(rng.below(input.size() + 1)); };
  switch (rng.below(7)) {
    case 0:
      input.resize(static_cast<std::size_t>(position()));
      break;
    case 1:
      input.insert(input.begin() + position(), interesting_byte(rng));
      break;
    case 2:
      if (!input.empty()) input[rng.below(input.size())] ^= static_cast<std::uint8_t>(1U << rng.below(8));
      break;
    case 3:
      if (!input.empty()) input[rng.below(input.size())] = interesting_byte(rng);
      break;
    case 4: {  // a length of eight bytes
      if (input.size() < 8) break;
      const std::size_t at = rng.below(input.size() - 7);
      for (std::size_t i = 0; i < 8; ++i) input[at + i] = rng.chance(0.8) ? 0xff : interesting_byte(rng);
      break;
    }
    case 5: {  // a piece of the file again
      if (input.empty()) break;
      const std::size_t from = rng.below(input.size());
      const Bytes piece(input.begin() + static_cast<std::ptrdiff_t>(from),
                        input.begin() + static_cast<std::ptrdiff_t>(std::min(input.size(), from + 1 + rng.below(200))));
      input.insert(input.begin() + position(), piece.begin(), piece.end());
      break;
    }
    case 6: {  // the numbers of a header
      if (input.size() < 32) break;
      for (int i = 0; i < 3; ++i) input[8 + rng.below(24)] = interesting_byte(rng);
      break;
    }
  }
}

// An edit of a text in some language: a word of it, a piece of another input, a byte, or less of it.
inline void mutate_text(Rng& rng, Bytes& input, const std::vector<std::string>& words,
                        const std::vector<Bytes>& inputs) {
  const auto at = static_cast<std::ptrdiff_t>(rng.below(input.size() + 1));
  const auto insert = [&](const auto& piece) { input.insert(input.begin() + at, piece.begin(), piece.end()); };
  switch (rng.below(5)) {
    case 0:
      return insert(words[rng.below(words.size())]);
    case 1: {
      const auto left = static_cast<std::uint64_t>(input.end() - input.begin() - at);
      input.erase(input.begin() + at, input.begin() + at + static_cast<std::ptrdiff_t>(std::min(left, rng.below(40))));
      return;
    }
    case 2:
      return insert(Bytes{static_cast<std::uint8_t>(rng.below(256))});
    case 3:
      if (!input.empty()) input[rng.below(input.size())] = static_cast<std::uint8_t>(rng.below(256));
      return;
    default: {
      const Bytes& other = inputs[rng.below(inputs.size())];
      return insert(Bytes(other.begin(), other.begin() + static_cast<std::ptrdiff_t>(rng.below(other.size() + 1))));
    }
  }
}

// Tries mutations of the inputs by such edits: `rounds` of them unless the environment says otherwise.
inline void replay_mutations(const std::vector<Bytes>& inputs, std::uint64_t rounds,
                             const std::function<void(Rng&, Bytes&)>& edit = mutate) {
  const std::uint64_t first = number_from("ARGOSY_FUZZ_SEED", 1);
  const std::uint64_t end = first + number_from("ARGOSY_FUZZ_ROUNDS", rounds);
  for (std::uint64_t seed = first; seed < end; ++seed) {
    if (seed % 5'000 == 0) std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    Rng rng(seed);
    Bytes input = inputs[rng.below(inputs.size())];
    for (std::uint64_t i = 0, count = 1 + rng.below(6); i < count; ++i) edit(rng, input);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
}

}  // namespace argosy::test

#include "common/delta/steps.hpp"

#include <algorithm>

#include "common/delta/tensor_format.hpp"

namespace argosy::tensor {

namespace {

template <Element kind>
void add_to(ByteView old, const std::uint8_t* counts, float step, std::uint8_t* fresh) {
  using Word = typename ElementTraits<kind>::Word;
  for (std::size_t i = 0; i * sizeof(Word) < old.size(); ++i) {
    Word word = 0;
    std::memcpy(&word, old.data() + i * sizeof(Word), sizeof(Word));
    word = moved<kind>(word, static_cast<std::int8_t>(counts[i]), step);
    std::memcpy(fresh + i * sizeof(Word), &word, sizeof(Word));
  }
}

}  // namespace

void add_steps(Element kind, const Scaling& steps, ByteView old, ByteView counts, std::span<std::uint8_t> fresh) {
  with_stepped(kind, [&]<Element k>() {
    constexpr std::size_t width = sizeof(typename ElementTraits<k>::Word);
    for (std::uint64_t i = 0; i < counts.size();) {
      const std::uint64_t position = steps.phase + i;
      const std::uint64_t run = std::min(steps.inner - position % steps.inner, counts.size() - i);
      const Step step = steps.factors[static_cast<std::size_t>(position / steps.inner % steps.factors.size())];
      add_to<k>(old.subspan(static_cast<std::size_t>(i) * width, static_cast<std::size_t>(run) * width),
                counts.data() + i, float_of_bfloat(step), fresh.data() + i * width);
      i += run;
    }
  });
}

}  // namespace argosy::tensor

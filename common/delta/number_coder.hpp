// Walks numbers as the decoder will, and tells what it will need: for counting and for coding alike. One thread.
#pragma once

#include <array>
#include <cstring>

#include "common/delta/number_block.hpp"
#include "common/delta/residual.hpp"
#include "common/delta/tensor_format.hpp"

namespace argosy::tensor {

class NumberCoder {
 public:
  // Calls sink(family, context, coded, lane) for each number of `fresh`; `old` is as long in mode delta, else empty.
  // Both are whole numbers. Of mode counts, `fresh` has a signed byte a number and no kind.
  template <class Sink>
  void code(Element element, residual::Mode mode, ByteView old, ByteView fresh, Sink&& sink) {
    if (mode == residual::Mode::counts) return code_as<Element::i8, residual::Mode::counts>(old, fresh, sink);
    if (is_block(element)) return code_blocks(element, mode, old, fresh, sink);
    with_element(element, [&]<Element kind>() {
      switch (mode) {
        case residual::Mode::delta:
          return code_as<kind, residual::Mode::delta>(old, fresh, sink);
        case residual::Mode::intra:
          return code_as<kind, residual::Mode::intra>(old, fresh, sink);
        case residual::Mode::serial:
          return code_as<kind, residual::Mode::serial>(old, fresh, sink);
        case residual::Mode::counts:
          return;  // of no kind
      }
    });
  }

 private:
  template <class Sink>
  void code_blocks(Element kind, residual::Mode mode, ByteView old, ByteView fresh, Sink&& sink) {
    const Blocks now = take_apart(kind, fresh);
    Blocks before = take_apart(kind, old);
    code(Element::f16, mode, before.scales, now.scales, sink);
    if (mode == residual::Mode::delta) bring_to_scale(before, now.scales, kind);
    code(Element::i8, mode, before.numbers, now.numbers, sink);
  }

  template <Element kind, residual::Mode mode, class Sink>
  void code_as(ByteView old, ByteView fresh, Sink&& sink) {
    using Coder = residual::Coder<kind, mode>;
    using Word = typename Coder::Word;
    constexpr std::size_t family = residual::family_of(kind, mode);
    residual::Level level = levels_[family];
    const std::size_t count = fresh.size() / sizeof(Word);
    Word last = 0;
    for (std::size_t i = 0; i < count; i += residual::group) {
      const std::size_t members = std::min(residual::group, count - i);
      int expected = 0, total = 0;
      for (std::size_t k = 0; k < members; ++k) {
        Word before = mode == residual::Mode::serial ? last : Word{0}, now = 0;
        if constexpr (mode == residual::Mode::delta)
          std::memcpy(&before, old.data() + (i + k) * sizeof(Word), sizeof(Word));
        std::memcpy(&now, fresh.data() + (i + k) * sizeof(Word), sizeof(Word));
        if (!level.started()) level.start(Coder::first_mean(before));
        if (k == 0) expected = Coder::expected(level);
        const residual::Coded coded = Coder::encode(before, now);
        sink(family, Coder::context(expected, before), coded, k % rans::lanes);
        last = now;
        total += Coder::measure(expected, before, Coder::tokens[coded.symbol].size);
      }
      level.take(total, members);
    }
    levels_[family] = level;
  }

  std::array<residual::Level, residual::families> levels_;
};

}  // namespace argosy::tensor

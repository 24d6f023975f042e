// Float tensors of safetensors models, made the same on every machine.
#pragma once

#include <cstring>
#include <functional>

#include "common/base/random.hpp"
#include "common/delta/steps.hpp"
#include "tests/support/safetensors_file.hpp"

namespace argosy {

struct FloatKind {
  Element element;
  const char* name;  // as safetensors has it
};
constexpr FloatKind float_kinds[] = {{Element::f32, "F32"}, {Element::f16, "F16"}, {Element::bf16, "BF16"}};

inline Bytes floats_of(Element kind, std::size_t count, const std::function<double(std::size_t)>& at) {
  return tensor::with_stepped(kind, [&]<Element k>() {
    using Word = typename ElementTraits<k>::Word;
    Bytes bytes(count * sizeof(Word));
    for (std::size_t i = 0; i < count; ++i) {
      const Word word = tensor::from_float<k>(static_cast<float>(at(i)));
      std::memcpy(bytes.data() + i * sizeof(Word), &word, sizeof(Word));
    }
    return bytes;
  });
}

inline float float_at(Element kind, ByteView bytes, std::size_t i) {
  return tensor::with_stepped(kind, [&]<Element k>() {
    typename ElementTraits<k>::Word word = 0;
    std::memcpy(&word, bytes.data() + i * sizeof word, sizeof word);
    return tensor::to_float<k>(word);
  });
}

}  // namespace argosy

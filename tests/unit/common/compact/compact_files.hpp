// Safetensors models with one float tensor or several, and how their numbers are made: the same on every machine.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>

#include "common/base/random.hpp"
#include "common/delta/steps.hpp"

namespace argosy {

class SafetensorsModel {
 public:
  SafetensorsModel& add(const std::string& name, const std::string& type, const std::string& shape, ByteView content) {
    entries_ += (entries_.empty() ? "" : ",") +
                ("\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":[" +
                 std::to_string(data_.size()) + "," + std::to_string(data_.size() + content.size()) + "]}");
    data_.insert(data_.end(), content.begin(), content.end());
    return *this;
  }
  Bytes file() const {
    const std::string header = "{" + entries_ + "}";
    const std::uint64_t size = header.size();
    Bytes file(sizeof size + header.size() + data_.size());
    std::memcpy(file.data(), &size, sizeof size);
    std::copy(header.begin(), header.end(), file.begin() + sizeof size);
    std::copy(data_.begin(), data_.end(), file.end() - static_cast<std::ptrdiff_t>(data_.size()));
    return file;
  }

 private:
  std::string entries_;
  Bytes data_;
};

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

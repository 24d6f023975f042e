// A flatbuffer's tables and vectors, read through bounds: what is absent, or lies outside the file, reads as nothing.
// Owned by one parser. Offsets may lead anywhere in the file, also in circles: whoever follows them counts the steps.
#pragma once

#include "common/tensors/byte_reader.hpp"

namespace argosy {

class FlatTable;

// Vector of numbers, of offsets to tables, or text; count and elements lie in the file.
struct FlatVector {
  std::uint64_t at = 0;  // of the first element, in the file
  std::uint64_t count = 0;
};

class FlatTable {
 public:
  static FlatTable root(ByteView file) { return FlatTable(file, number_at<std::uint32_t>(file, 0)); }

  bool has(unsigned index) const { return position_of(index) != 0; }

  template <std::unsigned_integral T>
  T number(unsigned index) const {
    const std::uint64_t at = position_of(index);
    return at == 0 ? T{0} : number_at<T>(file_, at);
  }

  FlatTable table(unsigned index) const {
    const std::uint64_t at = position_of(index);
    return FlatTable(file_, at == 0 ? file_.size() : follow(at));
  }

  // Elements of `element_bytes` each; empty when they do not all lie in the file.
  FlatVector vector(unsigned index, std::uint64_t element_bytes) const {
    const std::uint64_t field = position_of(index);
    if (field == 0) return {};
    const std::uint64_t at = follow(field);
    const auto count = number_at<std::uint32_t>(file_, at);
    if (!slice(file_, at + 4, count * element_bytes)) return {};
    return {at + 4, count};
  }

  ByteView bytes(unsigned index) const {
    const FlatVector vector = this->vector(index, 1);
    return slice(file_, vector.at, vector.count).value_or(ByteView{});
  }

  // The table that a vector's element leads to.
  FlatTable element(const FlatVector& vector, std::uint64_t index) const {
    return FlatTable(file_, follow(vector.at + 4 * index));
  }

 private:
  FlatTable(ByteView file, std::uint64_t at) : file_(file), at_(at) {}

  template <std::unsigned_integral T>
  static T number_at(ByteView file, std::uint64_t at) {
    const auto bytes = slice(file, at, sizeof(T));
    return bytes ? ByteReader(*bytes).number<T>() : T{0};
  }

  std::uint64_t follow(std::uint64_t at) const { return at + number_at<std::uint32_t>(file_, at); }

  // Where in the file a field lies, through the table's list of fields; 0: absent.
  std::uint64_t position_of(unsigned index) const {
    const auto back = static_cast<std::int32_t>(number_at<std::uint32_t>(file_, at_));
    const std::uint64_t fields = at_ - static_cast<std::uint64_t>(std::int64_t{back});
    const std::uint64_t slot = 4 + 2 * std::uint64_t{index};
    if (slot + 2 > number_at<std::uint16_t>(file_, fields)) return 0;
    const auto offset = number_at<std::uint16_t>(file_, fields + slot);
    return offset == 0 ? 0 : at_ + offset;
  }

  ByteView file_;
  std::uint64_t at_;
};

}  // namespace argosy

// Small model files written by hand, and how a test looks at what was found in them.
#pragma once

#include <concepts>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/encoding.hpp"
#include "common/tensors/tensor_map.hpp"
#include "tests/unit/common/tensors/promises.hpp"

namespace argosy {

// Appends to a file, little endian.
class FileWriter {
 public:
  FileWriter& text(std::string_view text) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    return *this;
  }
  FileWriter& bytes(ByteView bytes) { return text(as_text(bytes)); }
  template <std::unsigned_integral T>
  FileWriter& number(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    return *this;
  }
  FileWriter& u16(std::uint16_t value) { return number(value); }
  FileWriter& u32(std::uint32_t value) { return number(value); }
  FileWriter& u64(std::uint64_t value) { return number(value); }
  FileWriter& pad_to(std::size_t alignment) {
    while (bytes_.size() % alignment != 0) bytes_.push_back(0);
    return *this;
  }
  void put_u8(std::size_t at, std::size_t value) { put(at, value, 1); }
  void put_u16(std::size_t at, std::size_t value) { put(at, value, 2); }
  void put_u32(std::size_t at, std::size_t value) { put(at, value, 4); }
  void put_u64(std::size_t at, std::size_t value) { put(at, value, 8); }

  std::size_t size() const { return bytes_.size(); }
  const Bytes& done() const { return bytes_; }

 private:
  void put(std::size_t at, std::size_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) bytes_[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  Bytes bytes_;
};

// `count` different values as bytes.
template <class T>
Bytes values(std::size_t count, T first = T{1}) {
  Bytes bytes(count * sizeof(T));
  for (std::size_t i = 0; i < count; ++i) {
    const T value = static_cast<T>(first + static_cast<T>(i));
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  return bytes;
}

inline Bytes floats(std::size_t count, float first = 1) {
  return values<float>(count, first);
}

// A protobuf message.
class ProtoWriter {
 public:
  ProtoWriter& number(std::uint64_t tag, std::uint64_t value) {
    varint(tag << 3);
    varint(value);
    return *this;
  }
  ProtoWriter& bytes(std::uint64_t tag, ByteView content) {
    varint(tag << 3 | 2);
    varint(content.size());
    out_.insert(out_.end(), content.begin(), content.end());
    return *this;
  }
  ProtoWriter& text(std::uint64_t tag, std::string_view content) { return bytes(tag, as_bytes(content)); }
  ProtoWriter& message(std::uint64_t tag, const ProtoWriter& content) { return bytes(tag, content.out_); }
  ProtoWriter& raw_varint(std::uint64_t value) {
    varint(value);
    return *this;
  }
  const Bytes& done() const { return out_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<std::uint8_t>(value | 0x80));
    out_.push_back(static_cast<std::uint8_t>(value));
  }
  Bytes out_;
};

// A flatbuffer: a table first, then what its fields lead to.
class FlatWriter {
 public:
  explicit FlatWriter(std::string_view identifier) { file_.u32(0).text(identifier); }

  // A table whose fields take these many bytes, 0 for one that is absent; tells where each lies.
  std::vector<std::size_t> table(const std::vector<std::size_t>& widths) {
    const std::size_t fields = file_.pad_to(8).size();
    std::size_t end = 4;
    file_.u16(static_cast<std::uint16_t>(4 + 2 * widths.size())).u16(0);
    std::vector<std::size_t> inside;
    for (const std::size_t width : widths) {
      file_.u16(width == 0 ? 0 : static_cast<std::uint16_t>(end));
      inside.push_back(end);
      end += width;
    }
    const std::size_t at = file_.pad_to(4).size();
    file_.put_u16(fields + 2, end);
    file_.u32(static_cast<std::uint32_t>(at - fields));
    for (std::size_t i = 4; i < end; ++i) file_.number(std::uint8_t{0});
    for (std::size_t& position : inside) position += at;
    last_table_ = at;
    return inside;
  }
  // The table written last is what the field at `from` leads to; 0 is the root.
  void lead_to_last_table(std::size_t from) { file_.put_u32(from, last_table_ - from); }
  // A vector that the field at `from` leads to; tells where its first element lies.
  std::size_t vector(std::size_t from, std::size_t count, ByteView content) {
    file_.pad_to(4);
    file_.put_u32(from, file_.size() - from);
    file_.u32(static_cast<std::uint32_t>(count)).bytes(content);
    return file_.size() - content.size();
  }
  std::size_t offsets(std::size_t from, std::size_t count) { return vector(from, count, Bytes(4 * count)); }

  FileWriter& file() { return file_; }
  const Bytes& done() const { return file_.done(); }

 private:
  FileWriter file_;
  std::size_t last_table_ = 0;
};

// Finds, and checks what holds for every file.
inline TensorMap found_in(ByteView file) {
  TensorMap map = find_tensors(file);
  EXPECT_EQ(broken_promise(map, file.size()), "");
  return map;
}

inline Bytes content_of(ByteView file, const TensorExtent& extent) {
  const auto part = file.subspan(extent.offset, extent.size);
  return Bytes(part.begin(), part.end());
}

// "name f32 [2, 3]"
inline std::string describe(const TensorExtent& extent) {
  std::string text = extent.name + " " + std::string(name_of(extent.type)) + " [";
  for (std::size_t i = 0; i < extent.shape.size(); ++i) text += (i ? ", " : "") + std::to_string(extent.shape[i]);
  return text + "]";
}

inline std::vector<std::string> describe(const TensorMap& map) {
  std::vector<std::string> lines;
  for (const auto& extent : map.tensors) lines.push_back(describe(extent));
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace argosy

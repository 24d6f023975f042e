// The fields of one protobuf message, in order, as views into its bytes. Owned by one parser. A field that its message
// cuts short comes with the bytes that are there; intact() is false from then on.
#pragma once

#include <algorithm>
#include <optional>

#include "common/tensors/byte_reader.hpp"

namespace argosy {

enum class ProtoKind : std::uint8_t { number, bytes };

struct ProtoField {
  std::uint64_t tag = 0;  // the field's number in its message
  ProtoKind kind = ProtoKind::number;
  std::uint64_t number = 0;  // a varint, or 32 or 64 fixed bits
  ByteView bytes;            // text, a message, or packed numbers
};

class ProtoReader {
 public:
  explicit ProtoReader(ByteView message) : reader_(message) {}

  bool intact() const { return intact_; }

  // None at the end, or where the message makes no sense.
  std::optional<ProtoField> next() {
    if (!intact_ || reader_.rest().empty()) return std::nullopt;
    const std::uint64_t key = reader_.varint();
    ProtoField field;
    field.tag = key >> 3;
    switch (key & 7) {
      case 0:
        field.number = reader_.varint();
        break;
      case 1:
        field.number = reader_.number<std::uint64_t>();
        break;
      case 2:
        field.kind = ProtoKind::bytes;
        field.bytes = take_what_is_there(reader_.varint());
        break;
      case 5:
        field.number = reader_.number<std::uint32_t>();
        break;
      default:
        intact_ = false;
    }
    intact_ = intact_ && reader_.ok();
    return intact_ || !field.bytes.empty() ? std::optional(field) : std::nullopt;
  }

 private:
  ByteView take_what_is_there(std::uint64_t size) {
    const std::uint64_t there = std::min<std::uint64_t>(size, reader_.rest().size());
    if (there < size) intact_ = false;
    return reader_.take(there);
  }

  ByteReader reader_;
  bool intact_ = true;
};

}  // namespace argosy

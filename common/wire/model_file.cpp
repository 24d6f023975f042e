#include "common/wire/model_file.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace argosy::wire {

namespace {

constexpr std::uint64_t max_fields = 100'000;  // a real model has some dozens at the top level

Error malformed(std::string_view format, std::size_t offset, const std::string& what) {
  return make_error(Errc::malformed_model, "not a model of the format " + std::string(format) + ": " + what +
                                               " at byte " + std::to_string(offset));
}

// The top level of a protobuf message, field by field, without looking into the fields.
class ProtobufFields {
 public:
  // `start`: where in the file they lie.
  explicit ProtobufFields(ByteView bytes, std::size_t start = 0) : bytes_(bytes), start_(start) {}

  struct Field {
    std::uint64_t number = 0;
    unsigned wire_type = 0;
    std::uint64_t value = 0;    // of a number
    ByteView content = {};      // of a length-delimited one
    std::size_t offset = 0;     // of its tag, in the file
    std::size_t inside_at = 0;  // of its content
  };

  bool at_end() const { return at_ == bytes_.size(); }

  Result<Field> next() {
    Field field;
    field.offset = start_ + at_;
    ARGOSY_TRY(const std::uint64_t tag, varint());
    field.number = tag >> 3;
    field.wire_type = static_cast<unsigned>(tag & 7U);
    if (field.number == 0 || field.number >= 1ULL << 29)
      return malformed("onnx", field.offset, "no valid field number");
    switch (field.wire_type) {
      case 0: {
        ARGOSY_TRY(field.value, varint());
        break;
      }
      case 1:
        ARGOSY_CHECK(skip(8));
        break;
      case 5:
        ARGOSY_CHECK(skip(4));
        break;
      case 2: {
        ARGOSY_TRY(const std::uint64_t size, varint());
        field.inside_at = start_ + at_;
        const std::size_t begin = at_;
        ARGOSY_CHECK(skip(size));
        field.content = bytes_.subspan(begin, at_ - begin);
        break;
      }
      default:
        return malformed("onnx", field.offset, "wire type " + std::to_string(field.wire_type));
    }
    return field;
  }

 private:
  Result<std::uint64_t> varint() {
    const std::size_t start = at_;
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) return malformed("onnx", start_ + start, "the file ends inside a number that begins");
      const std::uint8_t byte = bytes_[at_++];
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    return malformed("onnx", start_ + start, "a number of more than ten bytes");
  }

  Result<void> skip(std::uint64_t size) {
    if (size > bytes_.size() - at_)
      return malformed("onnx", start_ + at_,
                       "a field of " + std::to_string(size) + " bytes where " + std::to_string(bytes_.size() - at_) +
                           " are left, truncated perhaps,");
    at_ += static_cast<std::size_t>(size);
    return {};
  }

  ByteView bytes_;
  std::size_t start_;
  std::size_t at_ = 0;
};

// OperatorSetIdProto: domain = 1 (text), version = 2 (int64). Those of other domains than ONNX's own do not count.
Result<std::uint64_t> opset_of(const ProtobufFields::Field& import) {
  ProtobufFields fields(import.content, import.inside_at);
  std::uint64_t version = 0;
  bool is_of_onnx = true;
  for (std::uint64_t count = 0; !fields.at_end(); ++count) {
    ARGOSY_TRY(const ProtobufFields::Field field, fields.next());
    if (count == max_fields) return malformed("onnx", field.offset, "too many fields");
    if (field.number == 1) is_of_onnx = field.content.empty() || as_text(field.content) == "ai.onnx";
    if (field.number == 2) version = field.value;
  }
  return is_of_onnx ? version : 0;
}

// As they stand in the file; absurd ones are as large as they can be told.
std::optional<OnnxReach> reach_of(std::uint64_t opset, std::uint64_t ir) {
  const auto told = [](std::uint64_t number) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(number, most_opset));
  };
  if (opset == 0 || ir == 0) return std::nullopt;
  return OnnxReach{told(opset), told(ir)};
}

// ModelProto (onnx.proto): ir_version = 1 (int64), graph = 7 (message), opset_import = 8 (message).
Result<std::optional<OnnxReach>> check_onnx(ByteView file) {
  ProtobufFields fields(file);
  bool has_version = false;
  bool has_graph = false;
  std::uint64_t ir = 0;
  std::uint64_t opset = 0;
  for (std::uint64_t count = 0; !fields.at_end(); ++count) {
    ARGOSY_TRY(const ProtobufFields::Field field, fields.next());
    if (count == max_fields) return malformed("onnx", field.offset, "too many fields");
    const bool is_message = field.wire_type == 2;
    if (field.number == 1 && field.wire_type != 0)
      return malformed("onnx", field.offset, "an ir_version that is not a number");
    if ((field.number == 7 || field.number == 8) && !is_message)
      return malformed("onnx", field.offset, "a graph or opset that is not a message");
    has_version |= field.number == 1;
    has_graph |= field.number == 7 && !field.content.empty();
    if (field.number == 1) ir = field.value;
    if (field.number == 8) {
      ARGOSY_TRY(const std::uint64_t imported, opset_of(field));
      opset = std::max(opset, imported);
    }
  }
  if (!has_version) return malformed("onnx", file.size(), "no ir_version up to the end");
  if (!has_graph) return malformed("onnx", file.size(), "no graph up to the end");
  return reach_of(opset, ir);
}

// A flatbuffer with the identifier TFL3 whose root table lies inside the file.
Result<void> check_tflite(ByteView file) {
  if (file.size() < 12) return malformed("tflite", file.size(), "the file ends");
  if (as_text(file.subspan(4, 4)) != "TFL3") return malformed("tflite", 4, "no TFL3");
  const std::uint32_t root = file[0] | file[1] << 8 | file[2] << 16 | static_cast<std::uint32_t>(file[3]) << 24;
  if (root < 8 || root > file.size() - 4) return malformed("tflite", 0, "a root table outside the file");
  return {};
}

}  // namespace

Result<std::optional<OnnxReach>> check_model_file(std::string_view format, ByteView file) {
  if (format == "onnx") return check_onnx(file);
  if (format == "tflite") ARGOSY_CHECK(check_tflite(file));
  return std::optional<OnnxReach>{};
}

}  // namespace argosy::wire

#include "server/models/model_sniff.hpp"

#include <cstdint>
#include <string>

namespace argosy::server {

namespace {

constexpr std::uint64_t max_fields = 100'000;  // a real model has some dozens at the top level

Error malformed(std::string_view format, std::size_t offset, const std::string& what) {
  return make_error(Errc::malformed_model, "not a model of the format " + std::string(format) + ": " + what +
                                               " at byte " + std::to_string(offset));
}

// The top level of a protobuf message, field by field, without looking into the fields.
class ProtobufFields {
 public:
  explicit ProtobufFields(ByteView bytes) : bytes_(bytes) {}

  struct Field {
    std::uint64_t number = 0;
    unsigned wire_type = 0;
    std::uint64_t size = 0;  // of a length-delimited one
    std::size_t offset = 0;  // of its tag
  };

  bool at_end() const { return at_ == bytes_.size(); }

  Result<Field> next() {
    Field field;
    field.offset = at_;
    ARGOSY_TRY(const std::uint64_t tag, varint());
    field.number = tag >> 3;
    field.wire_type = static_cast<unsigned>(tag & 7U);
    if (field.number == 0 || field.number >= 1ULL << 29)
      return malformed("onnx", field.offset, "no valid field number");
    switch (field.wire_type) {
      case 0:
        ARGOSY_CHECK(varint());
        break;
      case 1:
        ARGOSY_CHECK(skip(8));
        break;
      case 5:
        ARGOSY_CHECK(skip(4));
        break;
      case 2: {
        ARGOSY_TRY(field.size, varint());
        ARGOSY_CHECK(skip(field.size));
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
      if (at_ == bytes_.size()) return malformed("onnx", start, "the file ends inside a number that begins");
      const std::uint8_t byte = bytes_[at_++];
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    return malformed("onnx", start, "a number of more than ten bytes");
  }

  Result<void> skip(std::uint64_t size) {
    if (size > bytes_.size() - at_)
      return malformed("onnx", at_,
                       "a field of " + std::to_string(size) + " bytes where " + std::to_string(bytes_.size() - at_) +
                           " are left, truncated perhaps,");
    at_ += static_cast<std::size_t>(size);
    return {};
  }

  ByteView bytes_;
  std::size_t at_ = 0;
};

// ModelProto (onnx.proto): ir_version = 1 (int64), graph = 7 (message), opset_import = 8 (message).
Result<void> check_onnx(ByteView file) {
  ProtobufFields fields(file);
  bool has_version = false;
  bool has_graph = false;
  for (std::uint64_t count = 0; !fields.at_end(); ++count) {
    ARGOSY_TRY(const ProtobufFields::Field field, fields.next());
    if (count == max_fields) return malformed("onnx", field.offset, "too many fields");
    const bool is_message = field.wire_type == 2;
    if (field.number == 1 && field.wire_type != 0)
      return malformed("onnx", field.offset, "an ir_version that is not a number");
    if ((field.number == 7 || field.number == 8) && !is_message)
      return malformed("onnx", field.offset, "a graph or opset that is not a message");
    has_version |= field.number == 1;
    has_graph |= field.number == 7 && field.size > 0;
  }
  if (!has_version) return malformed("onnx", file.size(), "no ir_version up to the end");
  if (!has_graph) return malformed("onnx", file.size(), "no graph up to the end");
  return {};
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

Result<void> check_model_file(std::string_view format, ByteView file) {
  if (format == "onnx") return check_onnx(file);
  if (format == "tflite") return check_tflite(file);
  return {};
}

}  // namespace argosy::server

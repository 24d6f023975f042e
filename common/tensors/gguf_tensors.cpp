#include "common/tensors/gguf_tensors.hpp"

#include <algorithm>
#include <bit>
#include <optional>

#include "common/tensors/byte_reader.hpp"

namespace argosy {

namespace {

constexpr int max_array_depth = 4;

struct GgmlType {
  std::uint32_t number;
  ElementType type;
  BlockLayout layout;
};

// Those that files hold; a few more exist only while a model runs.
constexpr GgmlType ggml_types[] = {
    {0, ElementType::f32, {1, 4}},         // F32
    {1, ElementType::f16, {1, 2}},         // F16
    {2, ElementType::q4_0, {32, 18}},      // Q4_0
    {3, ElementType::other, {32, 20}},     // Q4_1
    {6, ElementType::other, {32, 22}},     // Q5_0
    {7, ElementType::other, {32, 24}},     // Q5_1
    {8, ElementType::q8_0, {32, 34}},      // Q8_0
    {10, ElementType::other, {256, 84}},   // Q2_K
    {11, ElementType::other, {256, 110}},  // Q3_K
    {12, ElementType::other, {256, 144}},  // Q4_K
    {13, ElementType::other, {256, 176}},  // Q5_K
    {14, ElementType::other, {256, 210}},  // Q6_K
    {15, ElementType::other, {256, 292}},  // Q8_K
    {16, ElementType::other, {256, 66}},   // IQ2_XXS
    {17, ElementType::other, {256, 74}},   // IQ2_XS
    {18, ElementType::other, {256, 98}},   // IQ3_XXS
    {19, ElementType::other, {256, 50}},   // IQ1_S
    {20, ElementType::other, {32, 18}},    // IQ4_NL
    {21, ElementType::other, {256, 110}},  // IQ3_S
    {22, ElementType::other, {256, 82}},   // IQ2_S
    {23, ElementType::other, {256, 136}},  // IQ4_XS
    {24, ElementType::i8, {1, 1}},         // I8
    {25, ElementType::i16, {1, 2}},        // I16
    {26, ElementType::i32, {1, 4}},        // I32
    {27, ElementType::i64, {1, 8}},        // I64
    {28, ElementType::f64, {1, 8}},        // F64
    {29, ElementType::other, {256, 56}},   // IQ1_M
    {30, ElementType::bf16, {1, 2}},       // BF16
    {34, ElementType::other, {256, 54}},   // TQ1_0
    {35, ElementType::other, {256, 66}},   // TQ2_0
    {39, ElementType::other, {32, 17}},    // MXFP4
    {40, ElementType::other, {64, 36}},    // NVFP4
    {41, ElementType::other, {128, 18}},   // Q1_0
};

const GgmlType* ggml_type(std::uint32_t number) {
  const auto found = std::ranges::find(ggml_types, number, &GgmlType::number);
  return found == std::end(ggml_types) ? nullptr : found;
}

// The types of metadata.
enum : std::uint32_t { value_u32 = 4, value_string = 8, value_array = 9 };

// 0: a string, an array, or no type at all.
std::uint64_t bytes_of_value(std::uint32_t type) {
  constexpr std::uint8_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < std::size(bytes) ? bytes[type] : 0;
}

std::string_view read_string(ByteReader& reader) {
  return reader.text(reader.number<std::uint64_t>());
}

// False when the value is of no type that we know: what follows it cannot be found.
bool skip_value(ByteReader& reader, std::uint32_t type, int depth = 0) {
  if (const std::uint64_t size = bytes_of_value(type)) {
    reader.take(size);
    return reader.ok();
  }
  if (type == value_string) {
    read_string(reader);
    return reader.ok();
  }
  if (type != value_array || depth == max_array_depth) return false;
  const auto element = reader.number<std::uint32_t>();
  const auto count = reader.number<std::uint64_t>();
  if (const std::uint64_t size = bytes_of_value(element)) {
    reader.take(count > reader.rest().size() ? count : count * size);
    return reader.ok();
  }
  for (std::uint64_t i = 0; i < count; ++i)
    if (!skip_value(reader, element, depth + 1)) return false;
  return reader.ok();
}

struct GgufHeader {
  std::uint64_t tensors = 0;
  std::uint32_t alignment = 32;
};

// Leaves the reader at the first tensor's description.
std::optional<GgufHeader> read_header(ByteReader& reader, TensorCollector& found) {
  reader.take(4);
  const auto version = reader.number<std::uint32_t>();
  if (version != 2 && version != 3) {
    found.remark("GGUF version " + std::to_string(version) + " is not known; versions 2 and 3 are");
    return std::nullopt;
  }
  GgufHeader header;
  header.tensors = reader.number<std::uint64_t>();
  const auto pairs = reader.number<std::uint64_t>();
  for (std::uint64_t i = 0; i < pairs && reader.ok(); ++i) {
    const std::string_view key = read_string(reader);
    const auto type = reader.number<std::uint32_t>();
    if (key == "general.alignment" && type == value_u32) {
      header.alignment = reader.number<std::uint32_t>();
    } else if (!skip_value(reader, type)) {
      found.remark("the metadata cannot be read");
      return std::nullopt;
    }
  }
  if (!reader.ok() || !std::has_single_bit(header.alignment)) {
    found.remark(reader.ok() ? "an alignment of " + std::to_string(header.alignment) + " is not a power of two"
                             : "the file ends inside its metadata");
    return std::nullopt;
  }
  return header;
}

struct GgufTensor {
  std::string_view name;
  Shape shape;
  std::uint32_t type = 0;
  std::uint64_t offset = 0;  // from the aligned end of the descriptions
};

GgufTensor read_description(ByteReader& reader) {
  GgufTensor tensor;
  tensor.name = read_string(reader);
  const auto rank = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < rank && reader.ok(); ++i) push_dimension(tensor.shape, reader.number<std::uint64_t>());
  std::ranges::reverse(tensor.shape);  // the file has the fastest first
  tensor.type = reader.number<std::uint32_t>();
  tensor.offset = reader.number<std::uint64_t>();
  return tensor;
}

void collect_tensor(GgufTensor tensor, ByteView data, TensorCollector& found) {
  const GgmlType* type = ggml_type(tensor.type);
  if (type == nullptr) return found.remark(tensor.name, "has the unknown type " + std::to_string(tensor.type));
  const auto size = size_of(type->layout, tensor.shape);
  if (!size) return found.remark(tensor.name, "has a shape that its type cannot have");
  const auto content = slice(data, tensor.offset, *size);
  if (!content) return found.remark(tensor.name, "ends behind the file");
  found.add({tensor.name, type->type, std::move(tensor.shape)}, *content);
}

}  // namespace

bool is_gguf(ByteView file) {
  return as_text(file).starts_with("GGUF");
}

void collect_gguf_tensors(ByteView file, TensorCollector& found) {
  ByteReader reader(file);
  const auto header = read_header(reader, found);
  if (!header) return;
  ByteReader descriptions = reader;
  for (std::uint64_t i = 0; i < header->tensors && reader.ok(); ++i) read_description(reader);
  if (!reader.ok()) return found.remark("the file ends inside the tensors' descriptions");

  const std::uint64_t end = file.size() - reader.rest().size();
  const std::uint64_t padding = (header->alignment - end % header->alignment) % header->alignment;
  reader.take(padding);
  for (std::uint64_t i = 0; i < header->tensors; ++i)
    collect_tensor(read_description(descriptions), reader.rest(), found);
}

}  // namespace argosy

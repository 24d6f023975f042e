#include "common/tensors/npy_tensors.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/tensors/byte_reader.hpp"

namespace argosy {

namespace {

constexpr std::string_view npy_magic = "\x93NUMPY";
constexpr std::uint64_t max_npy_header_bytes = 4096;

struct NpyType {
  ElementType type = ElementType::other;
  std::uint64_t bytes = 0;
};

// What follows `key` in a header such as {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
std::string_view text_after(std::string_view header, std::string_view key) {
  const auto at = header.find(key);
  if (at == std::string_view::npos) return {};
  header.remove_prefix(at + key.size());
  header.remove_prefix(std::min(header.find_first_not_of(" :"), header.size()));
  return header;
}

std::optional<std::uint64_t> leading_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// From '<f4'. None for big endian, objects and structures.
std::optional<NpyType> read_type(std::string_view text) {
  if (text.size() < 4 || text[0] != '\'') return std::nullopt;
  const char order = text[1];
  const char kind = text[2];
  text.remove_prefix(3);
  auto bytes = leading_number(text);
  if (!bytes || !text.starts_with('\'') || *bytes > 0xffff'ffff) return std::nullopt;
  if (order == '>' && *bytes > 1) return std::nullopt;
  if (kind == 'U') return NpyType{ElementType::other, *bytes * 4};
  if (std::string_view("fiubcVSmM").find(kind) == std::string_view::npos) return std::nullopt;

  constexpr ElementType candidates[] = {ElementType::f64, ElementType::f32, ElementType::f16, ElementType::i64,
                                        ElementType::u64, ElementType::i32, ElementType::u32, ElementType::i16,
                                        ElementType::u16, ElementType::i8,  ElementType::u8,  ElementType::boolean};
  for (const ElementType type : candidates)
    if (name_of(type)[0] == kind && bytes_of(type) == *bytes) return NpyType{type, *bytes};
  return NpyType{ElementType::other, *bytes};
}

// From (3, 4); Python 2 wrote (3L, 4L).
std::optional<Shape> read_shape(std::string_view text) {
  if (!text.starts_with('(')) return std::nullopt;
  Shape shape;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of("(, L"), text.size()));
    if (text.starts_with(')')) return shape;
    const auto dimension = leading_number(text);
    if (!dimension) return std::nullopt;
    push_dimension(shape, *dimension);
  }
}

// The header's text; leaves the reader at the array's bytes.
std::optional<std::string_view> read_npy_header(ByteReader& reader) {
  reader.take(npy_magic.size());
  const auto version = reader.number<std::uint8_t>();
  reader.take(1);
  if (version < 1 || version > 3) return std::nullopt;
  const std::uint64_t size = version == 1 ? reader.number<std::uint16_t>() : reader.number<std::uint32_t>();
  if (size > max_npy_header_bytes) return std::nullopt;
  const std::string_view header = reader.text(size);
  return reader.ok() ? std::optional(header) : std::nullopt;
}

}  // namespace

bool is_npy(ByteView file) {
  return as_text(file).starts_with(npy_magic);
}

void collect_npy_array(std::string_view name, ByteView content, TensorCollector& found) {
  ByteReader reader(content);
  const auto header = read_npy_header(reader);
  if (!is_npy(content) || !header) return found.remark(name, "has no .npy header of version 1, 2 or 3");
  const auto type = read_type(text_after(*header, "'descr'"));
  if (!type) return found.remark(name, "is big-endian, or its elements are no plain numbers");
  auto shape = read_shape(text_after(*header, "'shape'"));
  const auto size = shape ? size_of({1, type->bytes}, *shape) : std::nullopt;
  if (!size) return found.remark(name, "has a header without a possible shape");
  const ByteView data = reader.take(*size);
  if (!reader.ok()) return found.remark(name, "ends before its " + std::to_string(*size) + " bytes");
  if (text_after(*header, "'fortran_order'").starts_with("True")) std::ranges::reverse(*shape);
  found.add({name, type->type, std::move(*shape)}, data);
}

void collect_npy_tensors(ByteView file, TensorCollector& found) {
  collect_npy_array("array", file, found);
}

}  // namespace argosy

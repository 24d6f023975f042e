#include "common/tensors/safetensors_tensors.hpp"

#include <array>

#include <nlohmann/json.hpp>

#include "common/tensors/byte_reader.hpp"

namespace argosy {

namespace {

constexpr std::uint64_t max_header_bytes = 100'000'000;  // the format's own limit
constexpr std::size_t max_header_depth = 64;

ElementType type_named(std::string_view dtype) {
  constexpr std::pair<std::string_view, ElementType> types[] = {
      {"F64", ElementType::f64},   {"F32", ElementType::f32}, {"F16", ElementType::f16}, {"I64", ElementType::i64},
      {"U64", ElementType::u64},   {"I32", ElementType::i32}, {"U32", ElementType::u32}, {"I16", ElementType::i16},
      {"U16", ElementType::u16},   {"I8", ElementType::i8},   {"U8", ElementType::u8},   {"BOOL", ElementType::boolean},
      {"BF16", ElementType::bf16},
  };
  for (const auto& [name, type] : types)
    if (name == dtype) return type;
  return ElementType::other;
}

// The events of {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}. Depth 1 has the names, 2 the
// fields, 3 the numbers; what lies deeper is not ours.
class HeaderEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderEvents(ByteView data, TensorCollector& found) : data_(data), found_(found) {}

  bool start_object(std::size_t) override {
    if (depth_ == 1) tensor_ = {};
    return descend();
  }
  bool end_object() override {
    if (depth_-- == 2 && name_ != "__metadata__") finish_tensor();
    return true;
  }
  bool start_array(std::size_t) override { return descend(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& text) override {
    if (depth_ == 1) name_ = text;
    if (depth_ == 2) field_ = text;
    return true;
  }
  bool string(string_t& text) override {
    if (depth_ == 2 && field_ == "dtype") tensor_.dtype = text;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ != 3) return true;
    if (field_ == "shape") push_dimension(tensor_.shape, value);
    if (field_ == "data_offsets" && tensor_.offset_count < 2) tensor_.offsets[tensor_.offset_count++] = value;
    return true;
  }
  bool number_integer(number_integer_t value) override { return number_unsigned(static_cast<std::uint64_t>(value)); }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    found_.remark("the header is not JSON at byte " + std::to_string(position));
    return false;
  }

 private:
  struct Tensor {
    std::string dtype;
    Shape shape;
    std::array<std::uint64_t, 2> offsets{};
    std::size_t offset_count = 0;
  };

  bool descend() {
    if (++depth_ <= max_header_depth) return true;
    found_.remark("the header is nested deeper than " + std::to_string(max_header_depth));
    return false;
  }

  void finish_tensor() {
    const auto [begin, end] = tensor_.offsets;
    if (tensor_.offset_count != 2 || begin > end) return found_.remark(name_, "has no data_offsets");
    const auto data = slice(data_, begin, end - begin);
    if (!data) return found_.remark(name_, "ends behind the file");
    found_.add({name_, type_named(tensor_.dtype), std::move(tensor_.shape)}, *data);
  }

  ByteView data_;
  TensorCollector& found_;
  std::size_t depth_ = 0;
  std::string name_;
  std::string field_;
  Tensor tensor_;
};

}  // namespace

bool is_safetensors(ByteView file) {
  ByteReader reader(file);
  const auto size = reader.number<std::uint64_t>();
  return reader.number<std::uint8_t>() == '{' && reader.ok() && size <= max_header_bytes;
}

void collect_safetensors_tensors(ByteView file, TensorCollector& found) {
  ByteReader reader(file);
  const std::string_view header = reader.text(reader.number<std::uint64_t>());
  if (!reader.ok()) return found.remark("the file ends inside its header");
  HeaderEvents events(reader.rest(), found);
  nlohmann::json::sax_parse(header.begin(), header.end(), &events);
}

}  // namespace argosy

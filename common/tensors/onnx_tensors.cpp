#include "common/tensors/onnx_tensors.hpp"

#include <charconv>
#include <optional>

#include "common/tensors/proto_reader.hpp"

namespace argosy {

namespace {

constexpr int max_graph_depth = 16;

// The tags of onnx.proto that matter here.
namespace model_tag {
enum : std::uint64_t { ir_version = 1, graph = 7, functions = 25 };
}
namespace graph_tag {
enum : std::uint64_t { node = 1, initializer = 5 };
}
namespace function_tag {
enum : std::uint64_t { node = 7 };
}
namespace node_tag {
enum : std::uint64_t { output = 2, attribute = 5 };
}
namespace attribute_tag {
enum : std::uint64_t { tensor = 5, graph = 6, tensors = 10, graphs = 11 };
}
namespace tensor_tag {
enum : std::uint64_t {
  dims = 1,
  data_type = 2,
  float_data = 4,
  name = 8,
  raw_data = 9,
  double_data = 10,
  external_data = 13,
  data_location = 14
};
}
namespace entry_tag {
enum : std::uint64_t { key = 1, value = 2 };
}

constexpr std::uint64_t external_location = 1;
constexpr std::uint64_t float_type = 1;
constexpr std::uint64_t double_type = 11;

ElementType type_of(std::uint64_t data_type) {
  constexpr ElementType types[] = {
      ElementType::other,    // undefined
      ElementType::f32,      // FLOAT
      ElementType::u8,       // UINT8
      ElementType::i8,       // INT8
      ElementType::u16,      // UINT16
      ElementType::i16,      // INT16
      ElementType::i32,      // INT32
      ElementType::i64,      // INT64
      ElementType::other,    // STRING
      ElementType::boolean,  // BOOL
      ElementType::f16,      // FLOAT16
      ElementType::f64,      // DOUBLE
      ElementType::u32,      // UINT32
      ElementType::u64,      // UINT64
      ElementType::other,    // COMPLEX64
      ElementType::other,    // COMPLEX128
      ElementType::bf16,     // BFLOAT16
  };
  return data_type < std::size(types) ? types[data_type] : ElementType::other;
}

struct ExternalData {
  std::string_view location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

struct OnnxTensor {
  std::string_view name;
  Shape shape;
  std::uint64_t data_type = 0;
  std::optional<ByteView> raw;
  std::optional<ByteView> floats;
  std::optional<ByteView> doubles;
  bool is_external = false;
  ExternalData external;
};

void read_dimensions(const ProtoField& field, Shape& shape) {
  if (field.kind == ProtoKind::number) return push_dimension(shape, field.number);
  for (ByteReader packed(field.bytes); !packed.rest().empty();) push_dimension(shape, packed.varint());
}

// None when it is no number: the entry's text is decimal.
std::optional<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

void read_external_entry(ByteView entry, ExternalData& external) {
  std::string_view key;
  std::string_view value;
  ProtoReader reader(entry);
  while (const auto field = reader.next()) {
    if (field->tag == entry_tag::key) key = as_text(field->bytes);
    if (field->tag == entry_tag::value) value = as_text(field->bytes);
  }
  if (key == "location") external.location = value;
  if (key == "offset") external.offset = decimal(value).value_or(0);
  if (key == "length") external.length = decimal(value);
}

OnnxTensor read_tensor(ByteView message) {
  OnnxTensor tensor;
  ProtoReader reader(message);
  while (const auto field = reader.next()) {
    switch (field->tag) {
      case tensor_tag::dims:
        read_dimensions(*field, tensor.shape);
        break;
      case tensor_tag::data_type:
        tensor.data_type = field->number;
        break;
      case tensor_tag::name:
        tensor.name = as_text(field->bytes);
        break;
      case tensor_tag::raw_data:
        tensor.raw = field->bytes;
        break;
      case tensor_tag::float_data:
        if (field->kind == ProtoKind::bytes) tensor.floats = field->bytes;
        break;
      case tensor_tag::double_data:
        if (field->kind == ProtoKind::bytes) tensor.doubles = field->bytes;
        break;
      case tensor_tag::external_data:
        read_external_entry(field->bytes, tensor.external);
        break;
      case tensor_tag::data_location:
        tensor.is_external = field->number == external_location;
        break;
    }
  }
  return tensor;
}

// Depth counts graphs within graphs. A graph that is cut short gives what is there.
class OnnxWalk {
 public:
  explicit OnnxWalk(TensorCollector& found) : found_(found) {}

  void model(ByteView message) {
    each_field(message, [&](const ProtoField& field) {
      if (field.tag == model_tag::graph) graph(field.bytes, 0);
      if (field.tag == model_tag::functions) function(field.bytes);
    });
  }

 private:
  template <class Visit>
  void each_field(ByteView message, Visit visit) {
    ProtoReader reader(message);
    while (const auto field = reader.next()) visit(*field);
    if (!reader.intact()) found_.remark("a protobuf message is cut short or damaged");
  }

  void graph(ByteView message, int depth) {
    if (depth == max_graph_depth)
      return found_.remark("graphs within graphs are deeper than " + std::to_string(max_graph_depth));
    each_field(message, [&](const ProtoField& field) {
      if (field.tag == graph_tag::initializer) tensor(field.bytes, {});
      if (field.tag == graph_tag::node) node(field.bytes, depth);
    });
  }

  void function(ByteView message) {
    each_field(message, [&](const ProtoField& field) {
      if (field.tag == function_tag::node) node(field.bytes, 0);
    });
  }

  // A tensor in an attribute seldom has a name of its own: what the node puts out names it.
  void node(ByteView message, int depth) {
    std::string_view output;
    each_field(message, [&](const ProtoField& field) {
      if (field.tag == node_tag::output && output.empty()) output = as_text(field.bytes);
    });
    each_field(message, [&](const ProtoField& field) {
      if (field.tag == node_tag::attribute) attribute(field.bytes, output, depth);
    });
  }

  void attribute(ByteView message, std::string_view output, int depth) {
    each_field(message, [&](const ProtoField& field) {
      switch (field.tag) {
        case attribute_tag::tensor:
        case attribute_tag::tensors:
          return tensor(field.bytes, output);
        case attribute_tag::graph:
        case attribute_tag::graphs:
          return graph(field.bytes, depth + 1);
      }
    });
  }

  void tensor(ByteView message, std::string_view name) {
    OnnxTensor tensor = read_tensor(message);
    if (name.empty()) name = tensor.name;
    FoundTensor known{name, type_of(tensor.data_type), std::move(tensor.shape)};
    if (tensor.is_external) return external_tensor(std::move(known), tensor.external);
    if (tensor.raw) return found_.add(std::move(known), *tensor.raw);
    if (tensor.floats && tensor.data_type == float_type) return found_.add(std::move(known), *tensor.floats);
    if (tensor.doubles && tensor.data_type == double_type) return found_.add(std::move(known), *tensor.doubles);
  }

  void external_tensor(FoundTensor tensor, const ExternalData& external) {
    found_.add_file(external.location);
    const auto length = external.length ? external.length : size_of(layout_of(tensor.type), tensor.shape);
    if (!length) return found_.remark(tensor.name, "lies in another file, of unknown length");
    found_.add_external(std::move(tensor), external.offset, *length, external.location);
  }

  TensorCollector& found_;
};

}  // namespace

// It begins with fields that every model has; a graph behind its version settles it.
bool is_onnx(ByteView file) {
  constexpr std::uint64_t numbers = 1U << 1 | 1U << 5;
  constexpr std::uint64_t messages =
      1U << 2 | 1U << 3 | 1U << 4 | 1U << 6 | 1U << 7 | 1U << 8 | 1U << 14 | 1U << 20 | 1U << 25 | 1U << 26;
  bool has_version = false;
  bool has_graph = false;
  ProtoReader reader(file);
  while (const auto field = reader.next()) {
    const std::uint64_t expected = field->kind == ProtoKind::number ? numbers : messages;
    if (field->tag >= 64 || (expected >> field->tag & 1) == 0) return false;
    has_version |= field->tag == model_tag::ir_version;
    has_graph |= field->tag == model_tag::graph;
    if (has_version && has_graph) return true;
  }
  return false;
}

void collect_onnx_tensors(ByteView file, TensorCollector& found) {
  OnnxWalk(found).model(file);
}

}  // namespace argosy

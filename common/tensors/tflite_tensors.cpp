#include "common/tensors/tflite_tensors.hpp"

#include <algorithm>
#include <optional>

#include "common/tensors/flat_table.hpp"

namespace argosy {

namespace {

// The fields of schema.fbs that matter here.
namespace model_field {
enum : unsigned { subgraphs = 2, buffers = 4 };
}
namespace subgraph_field {
enum : unsigned { tensors = 0 };
}
namespace tensor_field {
enum : unsigned { shape = 0, type = 1, buffer = 2, name = 3, quantization = 4, sparsity = 6 };
}
namespace quantization_field {
enum : unsigned { min = 0, max = 1, scale = 2, zero_point = 3 };
}
namespace sparsity_field {
enum : unsigned { dimensions = 2 };
}
namespace dimension_field {
enum : unsigned { segments_type = 2, segments = 3, indices_type = 4, indices = 5 };
}
namespace index_field {
enum : unsigned { values = 0 };
}
namespace buffer_field {
enum : unsigned { data = 0, offset = 1, size = 2 };
}

constexpr std::uint64_t offset_bytes = 4;
constexpr std::uint64_t max_sparse_dimensions = 8;

ElementType type_of_tflite(std::uint8_t type) {
  constexpr ElementType types[] = {
      ElementType::f32,      // FLOAT32
      ElementType::f16,      // FLOAT16
      ElementType::i32,      // INT32
      ElementType::u8,       // UINT8
      ElementType::i64,      // INT64
      ElementType::other,    // STRING
      ElementType::boolean,  // BOOL
      ElementType::i16,      // INT16
      ElementType::other,    // COMPLEX64
      ElementType::i8,       // INT8
      ElementType::f64,      // FLOAT64
      ElementType::other,    // COMPLEX128
      ElementType::u64,      // UINT64
      ElementType::other,    // RESOURCE
      ElementType::other,    // VARIANT
      ElementType::u32,      // UINT32
      ElementType::u16,      // UINT16
      ElementType::other,    // INT4
      ElementType::bf16,     // BFLOAT16
  };
  return type < std::size(types) ? types[type] : ElementType::other;
}

// Of the numbers that say where a sparse tensor's values belong.
ElementType type_of_index(std::uint8_t type) {
  constexpr ElementType types[] = {ElementType::other, ElementType::i32, ElementType::u16, ElementType::u8};
  return type < std::size(types) ? types[type] : ElementType::other;
}

class TfliteWalk {
 public:
  TfliteWalk(ByteView file, TensorCollector& found)
      : file_(file),
        found_(found),
        model_(FlatTable::root(file)),
        buffers_(model_.vector(model_field::buffers, offset_bytes)),
        is_taken_(buffers_.count) {}

  void subgraphs() {
    const FlatVector subgraphs = model_.vector(model_field::subgraphs, offset_bytes);
    if (subgraphs.count == 0 || buffers_.count == 0) return found_.remark("the model has no subgraphs or no buffers");
    for (std::uint64_t i = 0; i < subgraphs.count; ++i)
      if (!tensors(model_.element(subgraphs, i))) return;
  }

 private:
  // False when enough is enough: hostile subgraphs can share one long list.
  bool tensors(const FlatTable& subgraph) {
    const FlatVector tensors = subgraph.vector(subgraph_field::tensors, offset_bytes);
    for (std::uint64_t i = 0; i < tensors.count; ++i) {
      if (looked_at_++ == max_tensors) {
        found_.remark("only the first " + std::to_string(max_tensors) + " tensors are looked at");
        return false;
      }
      tensor(model_.element(tensors, i));
    }
    return true;
  }

  void tensor(const FlatTable& tensor) {
    const auto buffer = tensor.number<std::uint32_t>(tensor_field::buffer);
    const std::string_view name = as_text(tensor.bytes(tensor_field::name));
    if (buffer >= buffers_.count)
      return found_.remark(name, "names buffer " + std::to_string(buffer) + " of " + std::to_string(buffers_.count));
    if (is_taken_[buffer]) return;
    const auto data = content_of(model_.element(buffers_, buffer));
    if (!data) return found_.remark(name, "lies outside the file");
    if (data->empty()) return;
    is_taken_[buffer] = true;
    const ElementType type = type_of_tflite(tensor.number<std::uint8_t>(tensor_field::type));
    found_.add({name, type, shape_of(tensor, type, data->size())}, *data);
    quantization(tensor.table(tensor_field::quantization), name);
    sparsity(tensor.table(tensor_field::sparsity), name);
  }

  void quantization(const FlatTable& parameters, std::string_view name) {
    row(parameters.vector(quantization_field::min, 4), ElementType::f32, name, ".min");
    row(parameters.vector(quantization_field::max, 4), ElementType::f32, name, ".max");
    row(parameters.vector(quantization_field::scale, 4), ElementType::f32, name, ".scale");
    row(parameters.vector(quantization_field::zero_point, 8), ElementType::i64, name, ".zero_point");
  }

  void sparsity(const FlatTable& parameters, std::string_view name) {
    const FlatVector dimensions = parameters.vector(sparsity_field::dimensions, offset_bytes);
    for (std::uint64_t i = 0; i < std::min(dimensions.count, max_sparse_dimensions); ++i) {
      const FlatTable dimension = parameters.element(dimensions, i);
      const auto indices = [&](unsigned type_field, unsigned table_field, const std::string& suffix) {
        const ElementType type = type_of_index(dimension.number<std::uint8_t>(type_field));
        const FlatVector values = dimension.table(table_field).vector(index_field::values, bytes_of(type));
        row(values, type, name, suffix + std::to_string(i));
      };
      indices(dimension_field::segments_type, dimension_field::segments, ".segments");
      indices(dimension_field::indices_type, dimension_field::indices, ".indices");
    }
  }

  // Numbers that belong to a tensor and lie elsewhere in the flatbuffer.
  void row(const FlatVector& numbers, ElementType type, std::string_view tensor, std::string_view suffix) {
    const std::uint64_t size = numbers.count * bytes_of(type);
    if (size < min_tensor_bytes) return;
    const std::string name = std::string(tensor.substr(0, max_name_bytes - suffix.size())) + std::string(suffix);
    found_.add({name, type, {static_cast<std::int64_t>(numbers.count)}}, *slice(file_, numbers.at, size));
  }

  // Empty for tensors that are computed.
  std::optional<ByteView> content_of(const FlatTable& buffer) const {
    const auto offset = buffer.number<std::uint64_t>(buffer_field::offset);
    if (offset > 1) return slice(file_, offset, buffer.number<std::uint64_t>(buffer_field::size));
    return buffer.bytes(buffer_field::data);
  }

  Shape shape_of(const FlatTable& tensor, ElementType type, std::uint64_t size) const {
    const std::size_t element = bytes_of(type);
    if (tensor.has(tensor_field::sparsity) && element != 0) return {static_cast<std::int64_t>(size / element)};
    const FlatVector dimensions = tensor.vector(tensor_field::shape, sizeof(std::int32_t));
    ByteReader reader(file_.subspan(dimensions.at, dimensions.count * sizeof(std::int32_t)));
    Shape shape;
    while (!reader.rest().empty() && shape.size() <= max_rank)
      push_dimension(shape, static_cast<std::uint64_t>(static_cast<std::int32_t>(reader.number<std::uint32_t>())));
    return shape;
  }

  ByteView file_;
  TensorCollector& found_;
  FlatTable model_;
  FlatVector buffers_;
  std::vector<bool> is_taken_;
  std::size_t looked_at_ = 0;
};

}  // namespace

bool is_tflite(ByteView file) {
  const auto identifier = slice(file, 4, 4);
  return identifier && as_text(*identifier) == "TFL3";
}

void collect_tflite_tensors(ByteView file, TensorCollector& found) {
  TfliteWalk(file, found).subgraphs();
}

}  // namespace argosy

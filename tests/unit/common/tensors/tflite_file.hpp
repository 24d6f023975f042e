// TensorFlow Lite models written by hand; the numbers of fields are those of schema.fbs.
#pragma once

#include "tests/unit/common/tensors/model_files.hpp"

namespace argosy {

struct TfliteTensor {
  std::string name;
  std::uint8_t type = 0;
  std::vector<std::int32_t> shape;
  std::size_t buffer = 0;
  Bytes scales = {};   // of its quantisation
  Bytes indices = {};  // of its first dimension, when it is sparse
};

struct TfliteBuffer {
  Bytes data;
  bool is_behind = false;  // the data follows the flatbuffer
};

class TfliteFile {
 public:
  TfliteFile(const std::vector<TfliteTensor>& tensors, const std::vector<TfliteBuffer>& buffers) {
    const auto model = writer_.table({4, 0, 4, 0, 4});
    writer_.lead_to_last_table(0);
    const std::size_t subgraph_list = writer_.offsets(model[2], 1);
    const auto subgraph = writer_.table({4});
    writer_.lead_to_last_table(subgraph_list);
    const std::size_t tensor_list = writer_.offsets(subgraph[0], tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) tensor(tensor_list + 4 * i, tensors[i]);
    const std::size_t buffer_list = writer_.offsets(model[4], buffers.size());
    for (std::size_t i = 0; i < buffers.size(); ++i) buffer(buffer_list + 4 * i, buffers[i]);
    for (const auto& [field, data] : behind_) {
      writer_.file().put_u64(field, writer_.file().pad_to(16).size());
      writer_.file().bytes(data);
    }
  }
  const Bytes& done() const { return writer_.done(); }

 private:
  void tensor(std::size_t from, const TfliteTensor& tensor) {
    const bool is_quantised = !tensor.scales.empty();
    const bool is_sparse = !tensor.indices.empty();
    const auto fields = writer_.table({4, 1, 4, 4, is_quantised ? 4u : 0u, 0, is_sparse ? 4u : 0u});
    writer_.lead_to_last_table(from);
    writer_.file().put_u32(fields[2], tensor.buffer);
    writer_.file().put_u8(fields[1], tensor.type);
    FileWriter shape;
    for (const std::int32_t dimension : tensor.shape) shape.u32(static_cast<std::uint32_t>(dimension));
    writer_.vector(fields[0], tensor.shape.size(), shape.done());
    writer_.vector(fields[3], tensor.name.size(), as_bytes(tensor.name));
    if (is_quantised) quantisation(fields[4], tensor.scales);
    if (is_sparse) sparsity(fields[6], tensor.indices);
  }
  void quantisation(std::size_t from, const Bytes& scales) {
    const auto fields = writer_.table({0, 0, 4});
    writer_.lead_to_last_table(from);
    writer_.vector(fields[2], scales.size() / 4, scales);
  }
  void sparsity(std::size_t from, const Bytes& indices) {
    constexpr std::size_t type_of_bytes = 3;
    const auto fields = writer_.table({0, 0, 4});
    writer_.lead_to_last_table(from);
    const std::size_t dimensions = writer_.offsets(fields[2], 1);
    const auto dimension = writer_.table({0, 0, 0, 0, 1, 4});
    writer_.lead_to_last_table(dimensions);
    writer_.file().put_u8(dimension[4], type_of_bytes);
    const auto vector = writer_.table({4});
    writer_.lead_to_last_table(dimension[5]);
    writer_.vector(vector[0], indices.size(), indices);
  }
  void buffer(std::size_t from, const TfliteBuffer& buffer) {
    const auto fields = buffer.is_behind ? writer_.table({0, 8, 8}) : writer_.table({4});
    writer_.lead_to_last_table(from);
    if (!buffer.is_behind) {
      writer_.vector(fields[0], buffer.data.size(), buffer.data);
      return;
    }
    writer_.file().put_u64(fields[2], buffer.data.size());
    behind_.emplace_back(fields[1], buffer.data);
  }

  FlatWriter writer_{"TFL3"};
  std::vector<std::pair<std::size_t, Bytes>> behind_;
};

inline Bytes tflite_model(const std::vector<TfliteTensor>& tensors, const std::vector<TfliteBuffer>& buffers) {
  return TfliteFile(tensors, buffers).done();
}

}  // namespace argosy

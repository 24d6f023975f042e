// ONNX models written by hand; the tags are those of onnx.proto.
#pragma once

#include "tests/unit/common/tensors/model_files.hpp"

namespace argosy {

// A TensorProto without its data.
inline ProtoWriter onnx_tensor(std::string_view name, std::uint64_t type, const std::vector<std::uint64_t>& shape) {
  ProtoWriter tensor;
  for (const std::uint64_t dimension : shape) tensor.number(1, dimension);
  tensor.number(2, type);
  if (!name.empty()) tensor.text(8, name);
  return tensor;
}

inline Bytes onnx_model(const ProtoWriter& graph) {
  return ProtoWriter().number(1, 8).text(2, "hand").message(7, graph).message(8, ProtoWriter().number(2, 17)).done();
}

}  // namespace argosy

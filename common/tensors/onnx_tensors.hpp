// ONNX, a protobuf: initializers and the tensors of nodes' attributes, in the graph, its subgraphs and functions, as
// raw bytes or packed floats. Walked by hand. Subgraphs deeper than 16 are gaps. Pure.
#pragma once

#include "common/tensors/tensor_collector.hpp"

namespace argosy {

bool is_onnx(ByteView file);
void collect_onnx_tensors(ByteView file, TensorCollector& found);

}  // namespace argosy

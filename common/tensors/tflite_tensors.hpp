// TensorFlow Lite, a flatbuffer: the buffers that tensors name, inside the flatbuffer or behind it, and the rows of
// numbers that go with them: "<tensor>.scale", ".zero_point", ".min", ".max", and a sparse tensor's ".segments2",
// ".indices2". Of tensors that share a buffer the first names it. A sparse tensor's stored values come as one row.
// Pure.
#pragma once

#include "common/tensors/tensor_collector.hpp"

namespace argosy {

bool is_tflite(ByteView file);
void collect_tflite_tensors(ByteView file, TensorCollector& found);

}  // namespace argosy

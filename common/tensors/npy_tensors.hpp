// NumPy's .npy, versions 1 to 3: one array. Fortran order comes as the transposed shape; big-endian and structured
// arrays and objects are gaps. A header has at most 4 KiB. Pure.
#pragma once

#include "common/tensors/tensor_collector.hpp"

namespace argosy {

bool is_npy(ByteView file);
void collect_npy_tensors(ByteView file, TensorCollector& found);
// The array in `content`, a part of the file, under a name.
void collect_npy_array(std::string_view name, ByteView content, TensorCollector& found);

}  // namespace argosy

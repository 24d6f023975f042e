// NumPy's .npz: a zip (also zip64) of .npy members, found through its central directory. Compressed members are gaps.
// Pure.
#pragma once

#include "common/tensors/tensor_collector.hpp"

namespace argosy {

bool is_npz(ByteView file);
void collect_npz_tensors(ByteView file, TensorCollector& found);

}  // namespace argosy

// GGUF versions 2 and 3, little endian: metadata, which is skipped, then the tensors' descriptions, then their bytes.
// Pure.
#pragma once

#include "common/tensors/tensor_collector.hpp"

namespace argosy {

bool is_gguf(ByteView file);
void collect_gguf_tensors(ByteView file, TensorCollector& found);

}  // namespace argosy

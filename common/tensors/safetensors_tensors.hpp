// safetensors: the length of a JSON header, the header (at most 100 MB), then the bytes. The header is read as a
// stream: it takes the memory of its longest word, not of a document. Pure.
#pragma once

#include "common/tensors/tensor_collector.hpp"

namespace argosy {

bool is_safetensors(ByteView file);
void collect_safetensors_tensors(ByteView file, TensorCollector& found);

}  // namespace argosy

// GGUF files written by hand.
#pragma once

#include "tests/unit/common/tensors/model_files.hpp"

namespace argosy {

struct GgufEntry {
  std::string name;
  std::vector<std::uint64_t> fastest_first;
  std::uint32_t type = 0;
  Bytes data;
};

inline void gguf_string(FileWriter& file, std::string_view text) {
  file.u64(text.size()).text(text);
}

inline Bytes gguf_model(const std::vector<GgufEntry>& tensors, std::uint32_t version = 3,
                        std::uint32_t alignment = 32) {
  FileWriter file;
  file.text("GGUF").u32(version).u64(tensors.size()).u64(4);
  gguf_string(file, "general.architecture");
  file.u32(8);
  gguf_string(file, "llama");
  gguf_string(file, "tokens");
  file.u32(9).u32(8).u64(2);
  gguf_string(file, "one");
  gguf_string(file, "two");
  gguf_string(file, "scores");
  file.u32(9).u32(6).u64(2).u32(0).u32(0);
  gguf_string(file, "general.alignment");
  file.u32(4).u32(alignment);
  std::uint64_t offset = 0;
  for (const auto& tensor : tensors) {
    gguf_string(file, tensor.name);
    file.u32(static_cast<std::uint32_t>(tensor.fastest_first.size()));
    for (const std::uint64_t dimension : tensor.fastest_first) file.u64(dimension);
    file.u32(tensor.type).u64(offset);
    offset += (tensor.data.size() + alignment - 1) / alignment * alignment;
  }
  for (const auto& tensor : tensors) file.pad_to(alignment).bytes(tensor.data);
  return file.done();
}

}  // namespace argosy

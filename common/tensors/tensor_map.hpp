// Where the tensors lie in a model file, found without the library that runs the model: for the encoder of patches and
// for `argosy patch info`; a device never links it. Pure; any thread. Reads the file's structure alone, so that a
// mapping of many gigabytes costs a few pages. At most max_tensors, names of at most max_name_bytes, shapes of at most
// max_rank.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/tensors/element_type.hpp"

namespace argosy {

constexpr std::size_t max_tensors = 1'000'000;
constexpr std::size_t max_name_bytes = 256;
constexpr std::size_t max_rank = 32;
constexpr std::size_t max_external_files = 1024;
constexpr std::uint64_t min_tensor_bytes = 64;  // smaller ones are not worth a name

// Bytes of a file that hold one tensor, little endian, row by row.
struct TensorExtent {
  std::string name;  // as the file has it: not always UTF-8, not always unique
  ElementType type = ElementType::other;
  std::vector<std::int64_t> shape;  // slowest first; empty: a scalar
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// ONNX: a tensor in another file. Nothing is known of that file, not even that it exists.
struct ExternalTensor {
  TensorExtent extent;
  std::string location;  // as the model names it, relative to the model's folder
};

enum class ModelFormat : std::uint8_t { unknown, onnx, tflite, safetensors, gguf, npy, npz };

std::string_view name_of(ModelFormat format);

struct TensorMap {
  ModelFormat format = ModelFormat::unknown;
  std::vector<TensorExtent> tensors;     // by offset
  std::vector<ExternalTensor> external;  // in the model's order
  std::vector<std::string> files;        // ONNX: every location that any tensor names, however small, each once
  std::string remark;                    // what was wrong first; empty: nothing
};

// Never fails: what it does not understand is a gap between extents. Extents do not overlap and lie inside the file. An
// extent's size is what its type and shape need; of ElementType::other it is what the file says. Compressed tensors,
// and those that protobuf wrote as varints, are gaps. The format shows in the content; the file's name does not matter.
TensorMap find_tensors(ByteView file);

}  // namespace argosy

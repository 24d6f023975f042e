#include "common/tensors/tensor_map.hpp"

#include "common/tensors/gguf_tensors.hpp"
#include "common/tensors/npy_tensors.hpp"
#include "common/tensors/npz_tensors.hpp"
#include "common/tensors/onnx_tensors.hpp"
#include "common/tensors/safetensors_tensors.hpp"
#include "common/tensors/tflite_tensors.hpp"

namespace argosy {

namespace {

struct FormatParser {
  ModelFormat format;
  bool (*recognises)(ByteView file);
  void (*collect)(ByteView file, TensorCollector& found);
};

// ONNX last: protobuf has no magic number.
constexpr FormatParser parsers[] = {
    {ModelFormat::tflite, is_tflite, collect_tflite_tensors},
    {ModelFormat::gguf, is_gguf, collect_gguf_tensors},
    {ModelFormat::npy, is_npy, collect_npy_tensors},
    {ModelFormat::npz, is_npz, collect_npz_tensors},
    {ModelFormat::safetensors, is_safetensors, collect_safetensors_tensors},
    {ModelFormat::onnx, is_onnx, collect_onnx_tensors},
};

}  // namespace

std::string_view name_of(ModelFormat format) {
  switch (format) {
    case ModelFormat::onnx:
      return "onnx";
    case ModelFormat::tflite:
      return "tflite";
    case ModelFormat::safetensors:
      return "safetensors";
    case ModelFormat::gguf:
      return "gguf";
    case ModelFormat::npy:
      return "npy";
    case ModelFormat::npz:
      return "npz";
    case ModelFormat::unknown:
      break;
  }
  return "unknown";
}

TensorMap find_tensors(ByteView file) {
  TensorCollector found(file);
  for (const FormatParser& parser : parsers) {
    if (!parser.recognises(file)) continue;
    parser.collect(file, found);
    return std::move(found).finish(parser.format);
  }
  return std::move(found).finish(ModelFormat::unknown);
}

}  // namespace argosy

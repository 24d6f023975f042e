// What an ONNX file says of itself, and weights that lie in files beside it. Pure, except where a path is given;
// blocking then. Limits: subgraphs 16 deep; a packed file under 2 GiB, the most that protobuf reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"

namespace argosy::cli {

struct OnnxFacts {
  std::int64_t ir_version = 0;
  std::int64_t opset = 0;              // of the operators of ONNX itself
  std::set<std::string> files_beside;  // as torch.onnx.export writes large weights
};

// Nothing for what is no ONNX model.
std::optional<OnnxFacts> onnx_facts(ByteView file);

// The same model with all its weights in it, byte for byte. Errc::invalid_argument for a file outside the model's
// folder, Errc::not_found and Errc::truncated for one that is not there or too short, Errc::too_large.
Result<std::string> packed_onnx(const std::filesystem::path& model);

}  // namespace argosy::cli

// An ONNX model whose weights lie in files beside it, put into one. Blocking. Limits: subgraphs 16 deep; a packed file
// under 2 GiB, the most that protobuf reads.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/error.hpp"

namespace argosy::cli {

// The same model with all its weights in it, byte for byte. Errc::invalid_argument for a file outside the model's
// folder, Errc::not_found and Errc::truncated for one that is not there or too short, Errc::too_large.
Result<std::string> packed_onnx(const std::filesystem::path& model);

}  // namespace argosy::cli

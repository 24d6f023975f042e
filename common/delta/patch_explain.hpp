// What a tensor patch says of each tensor of the file it makes, and what that cost. For people; needs both files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/delta/patch_codec.hpp"

namespace argosy {

struct TensorCost {
  std::string name;  // empty: all that is no tensor
  std::string type;
  std::vector<std::int64_t> shape;
  std::uint64_t bytes = 0;
  // How many of the bytes came which way.
  std::uint64_t copied = 0;
  std::uint64_t by_difference = 0;
  std::uint64_t by_steps = 0;
  std::uint64_t by_itself = 0;
  std::uint64_t plain = 0;
  double cost_bytes = 0;  // of the patch; what describes the pieces of a chunk is shared by length
};

struct PatchExplanation {
  std::vector<TensorCost> tensors;  // in the file's order, what is no tensor last
  double tables_bytes = 0;          // header, frequency tables, chunk headers
};

// Errc::malformed_patch, truncated or base_mismatch when these are not the files; Errc::invalid_argument for a patch of
// another codec.
Result<PatchExplanation> explain_patch(const std::filesystem::path& patch_path, const std::filesystem::path& old_path,
                                       const std::filesystem::path& new_path);

}  // namespace argosy

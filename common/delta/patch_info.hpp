// What a patch file says of itself, without applying it. Reads a few bytes of the file; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "common/crypto/digest.hpp"
#include "common/delta/patch_codec.hpp"

namespace argosy {

struct PatchInfo {
  PatchCodec codec = PatchCodec::bsdiff;
  std::uint64_t patch_bytes = 0;
  std::uint64_t new_bytes = 0;
  std::uint64_t control_bytes = 0;  // bsdiff's three compressed streams
  std::uint64_t difference_bytes = 0;
  std::uint64_t extra_bytes = 0;
  std::optional<FileDigest> old_file;  // where the patch itself names them
  std::optional<FileDigest> new_file;
};

// Errc::truncated or Errc::malformed_patch when the file cannot be a patch.
Result<PatchInfo> inspect_patch(int patch_fd);
Result<PatchInfo> inspect_patch(const std::filesystem::path& path);

}  // namespace argosy

// Makes the patch for a pair of files: tries the codecs, proves each result by applying it, keeps the smallest.
// Blocking and long (seconds to minutes): for a worker thread or the command line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/crypto/digest.hpp"
#include "common/delta/bsdiff_encode.hpp"
#include "common/delta/patch_codec.hpp"

namespace argosy {

struct MakeRequest {
  std::filesystem::path old_path;
  std::filesystem::path new_path;
  std::filesystem::path patch_path;
  std::vector<PatchCodec> candidates = every_codec();  // in the order in which they are tried
  EncodeLimits limits;
  // Beside others, bsdiff is tried on files up to this size: it is slow, and wins on small ones alone.
  std::uint64_t bsdiff_up_to_bytes = 8ULL << 20;
  // Beside others, zstd is tried on larger files only when a sample of them says that it could win: it is slow.
  std::uint64_t zstd_unsampled_bytes = 8ULL << 20;
  // A patch over this part of the full file's size is declined: it would cost the device more than it saves.
  double largest_ratio = 0.95;
};

struct PatchTrial {
  PatchCodec codec = PatchCodec::bsdiff;
  std::uint64_t bytes = 0;
  double seconds = 0;   // to encode
  std::string failure;  // why there is no patch of this codec; empty when there is
};

struct MakeReport {
  FileDigest old_file;
  FileDigest new_file;
  std::vector<PatchTrial> trials;
  std::optional<PatchCodec> codec;  // of the patch now at patch_path
  FileDigest patch;
  std::string declined;  // why there is none: "not smaller: ..."
};

// One patch by one codec, as it is, not proven. What was at `patch_path` is replaced.
Result<void> encode_patch(PatchCodec codec, const MakeRequest& request, const std::filesystem::path& patch_path,
                          const PatchProgress& progress = nullptr);

// A codec that cannot do the pair is a trial with a failure. Errors: not_found, io, out_of_space, cancelled, and
// Errc::internal when a patch does not rebuild the new file.
Result<MakeReport> make_patch(const MakeRequest& request, const PatchProgress& progress = nullptr);

}  // namespace argosy

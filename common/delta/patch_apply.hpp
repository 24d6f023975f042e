// Old file + patch = new file, as a stream with bounded memory: under 10 MiB resident, whatever the sizes.
// Blocking, one call a thread. A patch is data from outside: no patch writes outside the result, takes more memory than
// the bound, or keeps the caller longer than the result's announced size justifies.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "common/crypto/digest.hpp"
#include "common/delta/patch_codec.hpp"
#include "common/delta/result_writer.hpp"

namespace argosy {

constexpr std::uint64_t default_max_result_bytes = 16ULL << 30;

struct ApplyRequest {
  std::filesystem::path old_path;
  std::filesystem::path patch_path;
  std::optional<FileDigest> expected_old;  // checked before anything is written
  std::optional<FileDigest> expected_new;  // size checked before, digest after
  std::uint64_t max_result_bytes = default_max_result_bytes;
};

struct ApplyReport {
  PatchCodec codec = PatchCodec::bsdiff;
  std::uint64_t patch_bytes = 0;
  FileDigest result;
};

// Gives the result to `sink` in order. Do not use what the sink got unless this succeeds. Errors:
//   base_mismatch    the old file is not the one the patch was made for
//   truncated        the patch file is cut short: fetch it again
//   malformed_patch  the patch is damaged or hostile
//   too_large        the result would be over max_result_bytes
//   digest_mismatch  the result is not what was expected
//   cancelled        `progress` returned false
//   not_found, io, and whatever the sink returns
Result<ApplyReport> apply_patch(const ApplyRequest& request, const PatchSink& sink,
                                const PatchProgress& progress = nullptr);

// The same into a file: written beside `new_path` as "<new_path>.part", synced, renamed over it, folder synced. After
// an error, Errc::out_of_space among them, nothing is left and what was at `new_path` is as before.
Result<ApplyReport> apply_patch_to_file(const ApplyRequest& request, const std::filesystem::path& new_path,
                                        const PatchProgress& progress = nullptr);

}  // namespace argosy

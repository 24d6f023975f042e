// A small new file as one zstd frame that refers to the whole old file: re-exports, in which the bytes moved but hardly
// changed. Both files are in memory, so together they have at most 4 MiB.
//
//   skippable frame   magic 0x184D2A5A, size 8, the first 8 bytes of the old file's SHA-256
//   zstd frame        with size and check sum
#pragma once

#include <array>

#include "common/delta/old_file.hpp"
#include "common/delta/patch_info.hpp"
#include "common/delta/result_writer.hpp"

namespace argosy {

constexpr std::uint64_t zstd_from_limit_bytes = 4 << 20;  // old and new together
constexpr int zstd_from_window_log = 22;
constexpr std::array<std::uint8_t, 8> zstd_from_start = {0x5a, 0x2a, 0x4d, 0x18, 8, 0, 0, 0};
constexpr std::size_t zstd_from_base_bytes = 8;
constexpr std::size_t zstd_from_head_bytes = zstd_from_start.size() + zstd_from_base_bytes;

// Errc::base_mismatch, too_large, malformed_patch, truncated.
Result<void> apply_zstd_from(int patch_fd, const PatchInfo& info, int old_fd, std::uint64_t old_size,
                             ResultWriter& result);

}  // namespace argosy

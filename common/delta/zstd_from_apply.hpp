// A small new file as one zstd frame that refers to the whole old file: re-exports, in which the bytes moved but hardly
// changed. The new file is in memory as it comes into being, the old one as far as a piece of it refers to it: at most
// 2 MiB of the one, and 4 MiB of both.
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
constexpr std::uint64_t zstd_from_new_limit_bytes = 2 << 20;
constexpr int zstd_from_window_log = 22;
constexpr std::array<std::uint8_t, 8> zstd_from_start = {0x5a, 0x2a, 0x4d, 0x18, 8, 0, 0, 0};
constexpr std::size_t zstd_from_base_bytes = 8;
constexpr std::size_t zstd_from_head_bytes = zstd_from_start.size() + zstd_from_base_bytes;

constexpr bool fits_zstd_from(std::uint64_t old_bytes, std::uint64_t new_bytes) {
  return new_bytes <= zstd_from_new_limit_bytes && old_bytes <= zstd_from_limit_bytes - new_bytes;
}

// Errc::base_mismatch, too_large, malformed_patch, truncated.
Result<void> apply_zstd_from(int patch_fd, const PatchInfo& info, int old_fd, std::uint64_t old_size,
                             ResultWriter& result);

}  // namespace argosy

// Compresses a whole file as a zstd frame that the applying side accepts: size in its header, check sum, 1 MiB window.
// Streams from file to file; about 50 MiB of memory.
#pragma once

#include <filesystem>

#include "common/delta/patch_codec.hpp"

namespace argosy {

Result<void> encode_zstd(const std::filesystem::path& new_path, const std::filesystem::path& patch_path,
                         const PatchProgress& progress = nullptr);

// About what part of its size the file would take: 32 stretches of 128 KiB, each by itself. For files of 4 MiB and
// more.
Result<double> sample_zstd_ratio(const std::filesystem::path& path);

}  // namespace argosy

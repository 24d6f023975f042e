// Makes BSDIFF40 patches. Memory: about 5 bytes a byte of old, 2 a byte of new and 25 MiB. Time: n log n for most
// files.
#pragma once

#include <cstdint>

#include "common/delta/patch_codec.hpp"

namespace argosy {

struct EncodeLimits {
  std::uint64_t max_memory_bytes = 1ULL << 30;
};

// What encode_bsdiff will take for files of these sizes.
std::uint64_t bsdiff_memory_bytes(std::uint64_t old_size, std::uint64_t new_size);

// Errc::too_large, before any work, when the files need more memory than the limit.
Result<void> check_bsdiff_fits(std::uint64_t old_size, std::uint64_t new_size, const EncodeLimits& limits);

// The whole patch. Cancellation is looked at often, but not while the suffixes are sorted (about 0.1 s a MiB).
Result<Bytes> encode_bsdiff(ByteView old, ByteView fresh, const EncodeLimits& limits = {},
                            const PatchProgress& progress = nullptr);

}  // namespace argosy

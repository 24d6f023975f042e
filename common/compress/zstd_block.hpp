// Bytes that are kept, as one frame of zstd; no stream, no dictionary. Any thread: each keeps a context of its own, of
// some hundred KiB.
#pragma once

#include <cstddef>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"

namespace argosy {

// At zstd's level 3. Throws std::bad_alloc alone.
Bytes compress_block(ByteView bytes);

// Errc::corrupt for what compress_block did not write, and for more than `limit` bytes.
Result<Bytes> decompress_block(ByteView block, std::size_t limit);

}  // namespace argosy

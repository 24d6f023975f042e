// Applies a tensor patch chunk by chunk. Memory: frequency tables (at most 2 MiB), and three buffers of a chunk's size.
// A chunk's bytes are checked before any of them reach the result.
#pragma once

#include "common/delta/old_file.hpp"
#include "common/delta/patch_info.hpp"
#include "common/delta/result_writer.hpp"

namespace argosy {

Result<void> apply_tensor(int patch_fd, const PatchInfo& info, int old_fd, std::uint64_t old_size,
                          ResultWriter& result);

}  // namespace argosy

// Decompresses a "patch" that is the whole new file. Refuses frames that ask for a window over 1 MiB.
#pragma once

#include "common/delta/patch_info.hpp"
#include "common/delta/result_writer.hpp"

namespace argosy {

constexpr int zstd_window_log = 20;

Result<void> apply_zstd(int patch_fd, const PatchInfo& info, ResultWriter& result);

}  // namespace argosy

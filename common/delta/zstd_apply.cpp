#include "common/delta/zstd_apply.hpp"

#include "common/delta/zstd_frame.hpp"

namespace argosy {

Result<void> apply_zstd(int patch_fd, const PatchInfo& info, ResultWriter& result) {
  return decompress({.fd = patch_fd, .begin = 0, .end = info.patch_bytes, .window_log = zstd_window_log}, result);
}

}  // namespace argosy

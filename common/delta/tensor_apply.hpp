// Applies a tensor patch from a file, chunk by chunk; memory as of TensorDecoder. A chunk's bytes are checked before
// any of them reach the result. The old file has the size and digest that the patch names: the caller has looked.
#pragma once

#include "common/delta/old_file.hpp"
#include "common/delta/patch_info.hpp"
#include "common/delta/result_writer.hpp"

namespace argosy {

Result<void> apply_tensor(int patch_fd, const PatchInfo& info, int old_fd, ResultWriter& result);

}  // namespace argosy

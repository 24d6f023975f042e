// Applies a BSDIFF40 patch as a stream. Work is proportional to the result and the patch, whatever the patch says:
// no more steps than result bytes, no byte behind either file. Memory: three Bzip2Readers.
#pragma once

#include "common/delta/old_file.hpp"
#include "common/delta/patch_info.hpp"
#include "common/delta/result_writer.hpp"

namespace argosy {

Result<void> apply_bsdiff(int patch_fd, const PatchInfo& info, OldFile& old, ResultWriter& result);

}  // namespace argosy

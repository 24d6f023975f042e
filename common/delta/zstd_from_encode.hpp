// Makes the patches of zstd_from_apply.hpp, at zstd's highest level. Some 60 MiB of memory, a second or two.
#pragma once

#include "common/delta/patch_codec.hpp"

namespace argosy {

// Errc::too_large over zstd_from_limit_bytes.
Result<Bytes> encode_zstd_from(ByteView old, ByteView fresh);

}  // namespace argosy

// What reads the patches of each codec: what a file says of itself, and how its result is made. Constant; any thread.
#pragma once

#include "common/delta/patch_info.hpp"
#include "common/delta/result_writer.hpp"
#include "common/delta/tensor_format.hpp"

namespace argosy {

inline constexpr std::size_t largest_patch_header = tensor::header_bytes;

struct PatchDecoder {
  PatchCodec codec;
  // Adds what the patch's first bytes say: largest_patch_header of them, or all that the file has.
  Result<void> (*describe)(PatchInfo& info, ByteView first);
  Result<void> (*apply)(int patch_fd, const PatchInfo& info, int old_fd, std::uint64_t old_size, ResultWriter& result);
};

const PatchDecoder& decoder_of(PatchCodec codec);

}  // namespace argosy

// The kinds of patch. Each patch file says by its first bytes which it is; the wire documents carry the same name.
// A new codec gets a value here, a case in patch_info.cpp and patch_apply.cpp, and a candidate in patch_make.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "common/base/encoding.hpp"

namespace argosy {

enum class PatchCodec : std::uint8_t {
  bsdiff,     // BSDIFF40, as Debian's bsdiff writes and its bspatch reads
  tensor,     // numbers against the numbers they came from, see tensor_format.hpp
  zstd_from,  // small files: zstd that refers to the whole old one
  zstd,       // the whole new file, compressed: for pairs that have little in common
};

std::string_view name_of(PatchCodec codec);
Result<PatchCodec> parse_patch_codec(std::string_view name);

// By the first bytes of a patch file; Errc::malformed_patch when no codec starts so, Errc::truncated when there are
// too few of them to tell.
constexpr std::size_t patch_magic_bytes = 8;
Result<PatchCodec> recognise_patch(ByteView first_bytes);

// Called about every 64 KiB of result with the bytes done and the bytes in all. To return false is to cancel.
using PatchProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

}  // namespace argosy

// The kinds of patch, and all that is known of each, in one table. Each patch file says by its first bytes which it is;
// the wire documents carry the name. Pure; the table is constant, so that whoever plans with it links no decoder.
//
// A new codec is a row here, its decoder in patch_decoder.cpp and its encoder in patch_make.cpp, which do not compile
// without it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "common/base/encoding.hpp"

namespace argosy {

enum class PatchCodec : std::uint8_t {  // the rows of patch_codecs, in their order
  tensor,                               // numbers against the numbers they came from, see tensor_format.hpp
  bsdiff,                               // BSDIFF40, as Debian's bsdiff writes and its bspatch reads
  zstd_from,                            // small files: zstd that refers to the whole old one
  zstd,                                 // the whole new file, compressed: for pairs that have little in common
};

struct CodecFacts {
  PatchCodec codec;
  std::string_view name;   // on the wire, on the command line, in the database
  std::string_view magic;  // the first bytes of a patch file; another version of a format has others
  bool is_streamed;  // applied while it comes in, so that it takes no room of its own; others need their file whole
  bool needs_base;   // rebuilds nothing without the old file
  bool names_base;   // and says which one, so that it makes nothing of another
  std::uint64_t apply_memory_bytes;  // that applying adds at most, whatever the sizes
  // Of the new file by one core of x86-64, as measured with `scripts/bench delta`; the slowest of its models.
  std::uint64_t rebuilt_bytes_per_s;
};

// In the order in which make_patch() tries them.
inline constexpr std::array<CodecFacts, 4> patch_codecs = {{
    {PatchCodec::tensor, "tensor", "ARGOSYT2", true, true, true, 4 << 20, 100'000'000},  // int8; fp32 150 MB/s
    {PatchCodec::bsdiff, "bsdiff", "BSDIFF40", false, true, false, 10 << 20, 100'000'000},
    {PatchCodec::zstd_from, "zstd-from", {"\x5a\x2a\x4d\x18\x08\0\0\0", 8}, false, true, true, 3 << 20, 300'000'000},
    {PatchCodec::zstd, "zstd", "\x28\xb5\x2f\xfd", false, false, false, 3 << 20, 300'000'000},
}};

// Whether `rows`, each with a `codec`, are one for each codec, in the order of the table.
template <class Rows>
constexpr bool one_for_each_codec(const Rows& rows) {
  return std::equal(rows.begin(), rows.end(), patch_codecs.begin(), patch_codecs.end(),
                    [](const auto& row, const CodecFacts& facts) { return row.codec == facts.codec; });
}

constexpr const CodecFacts& facts_of(PatchCodec codec) {
  return patch_codecs[static_cast<std::size_t>(codec)];
}
constexpr std::string_view name_of(PatchCodec codec) {
  return facts_of(codec).name;
}
// Null when there is none of that name, such as one of a later version.
constexpr const CodecFacts* find_codec(std::string_view name) {
  const auto* found = std::find_if(patch_codecs.begin(), patch_codecs.end(),
                                   [&](const CodecFacts& facts) { return facts.name == name; });
  return found == patch_codecs.end() ? nullptr : found;
}

std::vector<PatchCodec> every_codec();
Result<PatchCodec> parse_patch_codec(std::string_view name);

// By the first bytes of a patch file; Errc::malformed_patch when no codec starts so, Errc::truncated when there are
// too few of them to tell.
constexpr std::size_t patch_magic_bytes = 8;
Result<PatchCodec> recognise_patch(ByteView first_bytes);

// Called about every 64 KiB of result with the bytes done and the bytes in all. To return false is to cancel.
using PatchProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

}  // namespace argosy

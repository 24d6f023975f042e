// Which stretches of a new file resemble which of an old one, when nothing is known of either: by longest matches in
// the sorted suffixes, extended as long as half of the bytes agree. One thread; no memory beyond the index.
#pragma once

#include <cstdint>
#include <functional>

#include "common/delta/old_index.hpp"
#include "common/delta/patch_codec.hpp"

namespace argosy {

// new[fresh, + alike) resembles old[old, + alike); the `rest` bytes behind it resemble nothing. Steps come in order and
// cover the whole new file. The next one begins at `next_old`.
struct MatchStep {
  std::int64_t fresh = 0;
  std::int64_t old = 0;
  std::int64_t alike = 0;
  std::int64_t rest = 0;
  std::int64_t next_old = 0;
};
using MatchSink = std::function<void(const MatchStep&)>;

// Looks at every byte, or, with a `longest_stride` over 1, at fewer and fewer while nothing is found, down to one in so
// many. Errc::cancelled when `progress` says so.
Result<void> match_bytes(ByteView old, ByteView fresh, const OldIndex& index, std::int64_t longest_stride,
                         const MatchSink& sink, const PatchProgress& progress);

}  // namespace argosy

// Which stretches of a new file resemble which of an old one, in linear time: where byte_matcher.hpp would take too
// much memory. Finds what is the same over about the index's stride and more, and floats that moved a little over a few
// strides. One thread; no memory beyond the index.
#pragma once

#include "common/delta/byte_matcher.hpp"
#include "common/delta/window_index.hpp"

namespace argosy {

// The new file is taken to begin beside old[start_old] until something better is found. Errc::cancelled when `progress`
// says so.
Result<void> match_windows(ByteView old, ByteView fresh, const WindowIndex& index, std::int64_t start_old,
                           const MatchSink& sink, const PatchProgress& progress);

}  // namespace argosy

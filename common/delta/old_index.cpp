#include "common/delta/old_index.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <divsufsort.h>

namespace argosy {

std::size_t common_prefix(ByteView a, ByteView b) {
  const std::size_t limit = std::min(a.size(), b.size());
  std::size_t same = 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (; same + 8 <= limit; same += 8) {
      std::uint64_t x = 0;
      std::uint64_t y = 0;
      std::memcpy(&x, a.data() + same, 8);
      std::memcpy(&y, b.data() + same, 8);
      if (x != y) return same + static_cast<std::size_t>(std::countr_zero(x ^ y)) / 8;
    }
  }
  while (same < limit && a[same] == b[same]) ++same;
  return same;
}

Result<OldIndex> OldIndex::build(ByteView old) {
  if (old.size() > max_indexed_bytes)
    return make_error(Errc::too_large, "bsdiff indexes files up to 2 GiB, and the old file has " +
                                           std::to_string(old.size()) + " bytes");
  std::vector<std::int32_t> suffixes(old.size());
  if (!old.empty() && ::divsufsort(old.data(), suffixes.data(), static_cast<std::int32_t>(old.size())) != 0)
    return make_error(Errc::internal, "no memory to sort the old file's suffixes");
  return OldIndex(old, std::move(suffixes));
}

Match OldIndex::longest_match(ByteView wanted) const {
  Match best;
  // All suffixes before `low` sort before `wanted`, all from `high` on do not; each bound's neighbour shares as many
  // bytes with `wanted` as noted, and so does everything between them at least in the smaller of the two counts.
  std::size_t low = 0;
  std::size_t high = suffixes_.size();
  std::size_t shared_low = 0;
  std::size_t shared_high = 0;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const ByteView suffix = old_.subspan(static_cast<std::size_t>(suffixes_[middle]));
    const std::size_t known = std::min(shared_low, shared_high);
    const std::size_t shared = known + common_prefix(suffix.subspan(known), wanted.subspan(known));
    if (static_cast<std::int64_t>(shared) > best.length) best = {suffixes_[middle], static_cast<std::int64_t>(shared)};
    if (shared == wanted.size()) return best;
    if (shared == suffix.size() || suffix[shared] < wanted[shared]) {
      low = middle + 1;
      shared_low = shared;
    } else {
      high = middle;
      shared_high = shared;
    }
  }
  return best;
}

}  // namespace argosy

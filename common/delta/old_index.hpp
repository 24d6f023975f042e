// The sorted suffixes of the old file, to find where a piece of the new file occurs in it. Immutable once built.
// Takes 4 bytes of memory a byte of old; the old bytes must outlive the index. Building needs time n log n.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/encoding.hpp"

namespace argosy {

constexpr std::uint64_t max_indexed_bytes = 0x7fff'ffff;  // positions are 32-bit

struct Match {
  std::int64_t position = 0;  // in old
  std::int64_t length = 0;    // 0: not even the first byte occurs
};

class OldIndex {
 public:
  // Errc::too_large over max_indexed_bytes.
  static Result<OldIndex> build(ByteView old);
  // A longest prefix of `wanted` that occurs in old. Compares about log2(n) suffixes.
  Match longest_match(ByteView wanted) const;

 private:
  OldIndex(ByteView old, std::vector<std::int32_t> suffixes) : old_(old), suffixes_(std::move(suffixes)) {}

  ByteView old_;
  std::vector<std::int32_t> suffixes_;
};

// How many bytes a and b have in common at their beginnings.
std::size_t common_prefix(ByteView a, ByteView b);

}  // namespace argosy

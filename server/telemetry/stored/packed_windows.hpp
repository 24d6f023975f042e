// Many windows of one device, model, version and outbox in one value: what they have in common once, and figures of a
// kind beside each other, where they compress best. Exact: what comes out is what went in. Pure.
//
// Format 1: the byte 1, how many windows, and six sections, each a block (its length, then its bytes). All but the
// links are frames of zstd, or empty; nothing makes a hash shorter. Numbers are varints.
//   columns   column by column: sequence, as its gap to the one before (zigzag); start, as the change of its gap (ms,
//             zigzag); length and receipt (ms), counts, and what there is besides, a sum of Besides
//   links     of those that have one, eight bytes each, the lowest first
//   extras    of those that have more than what follows, that as encode_figures writes it, each a block
//   latency   of those that have it, LogHistogram::encode_runs as a block
//   features  how many layouts there are, and each: its names, each with how many bins; of those with features which
//             layout; and the counts, layout by layout and bin by bin, one for each window
//   classes   the same with labels in the place of bins, the first as zigzag, then the gap less 1
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"
#include "server/telemetry/telemetry.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

inline constexpr std::size_t most_packed = 20'000;              // windows in a value
inline constexpr std::size_t packed_section_limit = 64U << 20;  // bytes, before zstd

struct PackedWindow {
  std::uint64_t seq = 0;
  std::optional<wire::ChainLink> link = {};
  TakenWindow window;  // without device, model and version, which the row tells
  friend bool operator==(const PackedWindow&, const PackedWindow&) = default;
};

// At most `most_packed`, in the order in which they shall come out; by time they are smallest.
Bytes pack_windows(const std::vector<PackedWindow>& windows);

// Errc::corrupt for what pack_windows did not write. Parts that are not in `parts`, a sum of WindowParts, are not
// unpacked and stay empty.
Result<std::vector<PackedWindow>> unpack_windows(ByteView bytes, std::uint32_t parts = all_parts);

}  // namespace argosy::server

// What is stored of a window beside the columns that it is found by: counts, latency, features, classes and a program's
// own numbers, in as few bytes as they need. Pure.
//
// Format 1: the byte 1, then varints (common/base/varint.hpp): length in ms, inferences, errors, labelled, correct;
// when it was received, in ms after it ended (zigzag); the parts that follow, as a sum of `WindowParts`; and these
// parts in the order of their numbers. A length or a number of entries comes before what has one. Counts of features
// are over the release's bins, classes are in ascending order (the first as zigzag, then the gap less 1). Numbers,
// confidences, entropy, tags and latency are the bytes that their own headers tell of.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

enum WindowParts : std::uint16_t {
  part_latency = 1,
  part_features = 2,
  part_classes = 4,
  part_numbers = 8,
  part_confidences = 16,
  part_device_time = 32,  // zigzag: by the device's clock it started so many ms later
  part_entropy = 64,
  part_tags = 128,
};
inline constexpr std::uint32_t all_parts = 255;
inline constexpr std::uint32_t no_parts = 0;

inline constexpr std::size_t figures_limit = 1U << 20;  // bytes; a record is no longer on the wire

// All of the window but device, model, version and start.
Bytes encode_figures(const TakenWindow& window);

// Reads them into a window whose start is known. Errc::corrupt for what encode_figures did not write; the window then
// has what was read before the fault. Parts that are not in `wanted`, a sum of WindowParts, need not be there: what is
// behind the last of those that are is not even looked at.
Result<void> decode_figures(ByteView bytes, TakenWindow& window, std::uint32_t wanted = all_parts);

// The same from a bytea as PostgreSQL prints it, "\\x0102", but what cannot be read is left out: one row must not hold
// up a chart, or a rollout.
void read_figures(std::string_view bytea, TakenWindow& window);

}  // namespace argosy::server

// The BSDIFF40 file: a header of 32 bytes, then three bzip2 streams (control, difference, extra). Pure.
// Numbers are 64 bits, little endian, sign and magnitude. Described in bsdiff.1 and by C. Percival, "Naive differences
// of executable code", 2003.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/base/encoding.hpp"

namespace argosy::bsdiff {

constexpr std::size_t number_bytes = 8;
constexpr std::size_t header_bytes = 32;
constexpr std::size_t control_bytes = 24;

struct Header {
  std::uint64_t control_size = 0;     // of the compressed stream
  std::uint64_t difference_size = 0;  // of the compressed stream; extra takes the rest of the file
  std::uint64_t new_size = 0;
};

// One step: `add` bytes of old plus difference, then `copy` bytes of extra, then move `seek` in old.
struct Control {
  std::int64_t add = 0;
  std::int64_t copy = 0;
  std::int64_t seek = 0;
};

void put_number(std::int64_t value, std::uint8_t* out);
std::int64_t get_number(const std::uint8_t* in);

std::array<std::uint8_t, header_bytes> encode(const Header& header);
// Errc::truncated when the streams cannot fit `patch_size`, Errc::malformed_patch for impossible lengths.
Result<Header> decode_header(std::span<const std::uint8_t, header_bytes> bytes, std::uint64_t patch_size);

std::array<std::uint8_t, control_bytes> encode(const Control& control);
Control decode_control(std::span<const std::uint8_t, control_bytes> bytes);

}  // namespace argosy::bsdiff

#include "common/delta/bsdiff_format.hpp"

#include <algorithm>
#include <string>

namespace argosy::bsdiff {

namespace {

constexpr std::string_view magic = "BSDIFF40";
constexpr std::uint64_t sign_bit = 1ULL << 63;

}  // namespace

void put_number(std::int64_t value, std::uint8_t* out) {
  const auto plain = static_cast<std::uint64_t>(value);
  const std::uint64_t stored = value < 0 ? (~plain + 1) | sign_bit : plain;
  for (std::size_t i = 0; i < number_bytes; ++i) out[i] = static_cast<std::uint8_t>(stored >> (8 * i));
}

std::int64_t get_number(const std::uint8_t* in) {
  std::uint64_t stored = 0;
  for (std::size_t i = 0; i < number_bytes; ++i) stored |= std::uint64_t{in[i]} << (8 * i);
  const auto magnitude = static_cast<std::int64_t>(stored & ~sign_bit);
  return (stored & sign_bit) != 0 ? -magnitude : magnitude;
}

std::array<std::uint8_t, header_bytes> encode(const Header& header) {
  std::array<std::uint8_t, header_bytes> bytes{};
  std::copy(magic.begin(), magic.end(), bytes.begin());
  put_number(static_cast<std::int64_t>(header.control_size), bytes.data() + 8);
  put_number(static_cast<std::int64_t>(header.difference_size), bytes.data() + 16);
  put_number(static_cast<std::int64_t>(header.new_size), bytes.data() + 24);
  return bytes;
}

Result<Header> decode_header(std::span<const std::uint8_t, header_bytes> bytes, std::uint64_t patch_size) {
  if (!as_text(bytes).starts_with(magic)) return make_error(Errc::malformed_patch, "the patch is not BSDIFF40");
  const std::int64_t control = get_number(bytes.data() + 8);
  const std::int64_t difference = get_number(bytes.data() + 16);
  const std::int64_t result = get_number(bytes.data() + 24);
  if (control < 0 || difference < 0 || result < 0)
    return make_error(Errc::malformed_patch, "the patch header holds a negative length");
  const Header header{static_cast<std::uint64_t>(control), static_cast<std::uint64_t>(difference),
                      static_cast<std::uint64_t>(result)};
  const std::uint64_t streams = patch_size < header_bytes ? 0 : patch_size - header_bytes;
  if (header.control_size > streams || header.difference_size > streams - header.control_size)
    return make_error(Errc::truncated, "the patch header promises streams of " + std::to_string(header.control_size) +
                                           " and " + std::to_string(header.difference_size) +
                                           " bytes, but the file has only " + std::to_string(patch_size));
  return header;
}

std::array<std::uint8_t, control_bytes> encode(const Control& control) {
  std::array<std::uint8_t, control_bytes> bytes{};
  put_number(control.add, bytes.data());
  put_number(control.copy, bytes.data() + number_bytes);
  put_number(control.seek, bytes.data() + 2 * number_bytes);
  return bytes;
}

Control decode_control(std::span<const std::uint8_t, control_bytes> bytes) {
  return {get_number(bytes.data()), get_number(bytes.data() + number_bytes),
          get_number(bytes.data() + 2 * number_bytes)};
}

}  // namespace argosy::bsdiff

#include "common/wire/cbor.hpp"

#include <bit>
#include <cmath>
#include <string>

namespace argosy::wire {

namespace {

enum Major : std::uint8_t {
  unsigned_major = 0,
  negative_major,
  bytes_major,
  text_major,
  array_major,
  map_major,
  tag_major,
  simple_major
};

constexpr int deepest_nesting = 8;

void put_big_endian(Bytes& out, std::uint64_t value, int size) {
  for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

double half_to_double(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  const double size = exponent == 0    ? std::ldexp(mantissa, -24)
                      : exponent == 31 ? (mantissa == 0 ? HUGE_VAL : NAN)
                                       : std::ldexp(mantissa + 1024, exponent - 25);
  return (half & 0x8000) != 0 ? -size : size;
}

std::string_view name_of(std::uint8_t major) {
  constexpr std::string_view names[] = {
      "a positive integer",     "a negative integer", "bytes", "a text", "an array", "a map", "a tag",
      "a simple value or float"};
  return names[major];
}

}  // namespace

void CborWriter::head(std::uint8_t major, std::uint64_t argument) {
  const auto lead = static_cast<std::uint8_t>(major << 5);
  if (argument < 24) return out_.push_back(static_cast<std::uint8_t>(lead | argument));
  const int size = argument <= 0xFF ? 1 : argument <= 0xFFFF ? 2 : argument <= 0xFFFFFFFF ? 4 : 8;
  const int additional = size == 1 ? 24 : size == 2 ? 25 : size == 4 ? 26 : 27;
  out_.push_back(static_cast<std::uint8_t>(lead | additional));
  put_big_endian(out_, argument, size);
}

void CborWriter::integer(std::int64_t value) {
  if (value >= 0) return head(unsigned_major, static_cast<std::uint64_t>(value));
  head(negative_major, static_cast<std::uint64_t>(-1 - value));
}

void CborWriter::bytes(ByteView value) {
  head(bytes_major, value.size());
  out_.insert(out_.end(), value.begin(), value.end());
}

void CborWriter::item(ByteView encoded) {
  out_.insert(out_.end(), encoded.begin(), encoded.end());
}

void CborWriter::text(std::string_view value) {
  head(text_major, value.size());
  out_.insert(out_.end(), value.begin(), value.end());
}

void CborWriter::number(double value) {
  const auto narrow = static_cast<float>(value);
  if (static_cast<double>(narrow) == value) {
    out_.push_back(0xFA);
    put_big_endian(out_, std::bit_cast<std::uint32_t>(narrow), 4);
    return;
  }
  out_.push_back(0xFB);
  put_big_endian(out_, std::bit_cast<std::uint64_t>(value), 8);
}

Error CborReader::malformed(std::string_view what) const {
  return make_error(Errc::malformed_cbor, "at byte " + std::to_string(offset_) + ": " + std::string(what));
}

Result<CborReader::Head> CborReader::head() {
  if (at_end()) return malformed("the document is cut short");
  Head head;
  head.major = bytes_[offset_] >> 5;
  head.additional = bytes_[offset_] & 31;
  if (head.additional >= 28) return malformed("only definite lengths are accepted");
  const std::size_t size = head.additional < 24 ? 0 : std::size_t{1} << (head.additional - 24);
  if (bytes_.size() - offset_ - 1 < size) return malformed("the document is cut short");
  head.argument = size == 0 ? head.additional : 0;
  for (std::size_t i = 0; i < size; ++i) head.argument = head.argument << 8 | bytes_[offset_ + 1 + i];
  offset_ += 1 + size;
  return head;
}

Result<CborReader::Head> CborReader::head_of(std::uint8_t major, std::string_view expected) {
  const auto start = offset_;
  ARGOSY_TRY(const auto found, head());
  if (found.major == major) return found;
  offset_ = start;
  return malformed("expected " + std::string(expected) + ", found " + std::string(name_of(found.major)));
}

Result<std::uint64_t> CborReader::unsigned_integer(std::uint64_t limit) {
  const auto start = offset_;
  ARGOSY_TRY(const auto found, head_of(unsigned_major, "a positive integer"));
  if (found.argument <= limit) return found.argument;
  offset_ = start;
  return malformed(std::to_string(found.argument) + " is over the limit of " + std::to_string(limit));
}

Result<std::int64_t> CborReader::integer() {
  const auto start = offset_;
  ARGOSY_TRY(const auto found, head());
  const bool fits = found.argument <= static_cast<std::uint64_t>(INT64_MAX);
  if (fits && found.major == unsigned_major) return static_cast<std::int64_t>(found.argument);
  if (fits && found.major == negative_major) return -1 - static_cast<std::int64_t>(found.argument);
  offset_ = start;
  return malformed("expected an integer of 64 bits, found " + std::string(name_of(found.major)));
}

Result<double> CborReader::number() {
  const auto start = offset_;
  ARGOSY_TRY(const auto found, head());
  double value = NAN;
  if (found.major == unsigned_major) value = static_cast<double>(found.argument);
  if (found.major == negative_major) value = -1 - static_cast<double>(found.argument);
  if (found.major == simple_major && found.additional == 25)
    value = half_to_double(static_cast<std::uint16_t>(found.argument));
  if (found.major == simple_major && found.additional == 26)
    value = std::bit_cast<float>(static_cast<std::uint32_t>(found.argument));
  if (found.major == simple_major && found.additional == 27) value = std::bit_cast<double>(found.argument);
  if (std::isfinite(value)) return value;
  offset_ = start;
  return malformed("expected a finite number");
}

Result<ByteView> CborReader::run_of(std::uint8_t major, std::string_view expected, std::size_t limit) {
  const auto start = offset_;
  ARGOSY_TRY(const auto found, head_of(major, expected));
  const auto body = offset_;
  offset_ = start;
  if (found.argument > limit)
    return malformed(std::string(expected) + " of " + std::to_string(found.argument) + " bytes is over the limit of " +
                     std::to_string(limit));
  if (found.argument > bytes_.size() - body) return malformed("the document is cut short");
  offset_ = body + static_cast<std::size_t>(found.argument);
  return bytes_.subspan(body, static_cast<std::size_t>(found.argument));
}

Result<ByteView> CborReader::bytes(std::size_t limit) {
  return run_of(bytes_major, "bytes", limit);
}

Result<std::string_view> CborReader::text(std::size_t limit) {
  ARGOSY_TRY(const auto run, run_of(text_major, "a text", limit));
  return as_text(run);
}

Result<std::size_t> CborReader::items_of(std::uint8_t major, std::string_view expected, std::size_t limit) {
  const auto start = offset_;
  ARGOSY_TRY(const auto found, head_of(major, expected));
  if (found.argument <= limit) return static_cast<std::size_t>(found.argument);
  offset_ = start;
  return malformed(std::string(expected) + " of " + std::to_string(found.argument) + " is over the limit of " +
                   std::to_string(limit));
}

Result<std::size_t> CborReader::array(std::size_t limit) {
  return items_of(array_major, "an array", limit);
}

Result<std::size_t> CborReader::map(std::size_t limit) {
  return items_of(map_major, "a map", limit);
}

Result<void> CborReader::skip() {
  return skip_nested(0);
}

Result<void> CborReader::skip_nested(int depth) {
  if (depth > deepest_nesting) return malformed("the document is nested too deeply");
  ARGOSY_TRY(const auto found, head());
  if (found.major == tag_major) return malformed("tags are not accepted");
  if (found.major == bytes_major || found.major == text_major) {
    if (found.argument > bytes_.size() - offset_) return malformed("the document is cut short");
    offset_ += static_cast<std::size_t>(found.argument);
  }
  if (found.major != array_major && found.major != map_major) return {};
  // Every item takes a byte at least, so the loop ends with the document.
  const std::uint64_t per_item = found.major == map_major ? 2 : 1;
  for (std::uint64_t i = 0; i < found.argument; ++i) {
    for (std::uint64_t j = 0; j < per_item; ++j) ARGOSY_CHECK(skip_nested(depth + 1));
  }
  return {};
}

}  // namespace argosy::wire

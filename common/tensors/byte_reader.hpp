// Reads bytes from front to back and never beyond their end: what is missing reads as zero or nothing, and ok() is
// false from then on. So check it once after a group of reads, and in the condition of every loop. Owned by one parser.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/encoding.hpp"

namespace argosy {

class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  ByteView rest() const { return rest_; }

  ByteView take(std::uint64_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const ByteView taken = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::string_view text(std::uint64_t size) { return as_text(take(size)); }

  // Little endian.
  template <std::unsigned_integral T>
  T number() {
    std::uint64_t value = 0;
    int shift = 0;
    for (const std::uint8_t byte : take(sizeof(T))) {
      value |= std::uint64_t{byte} << shift;
      shift += 8;
    }
    return static_cast<T>(value);
  }

  // Protobuf's: seven bits a byte, lowest first, at most ten bytes.
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const auto byte = number<std::uint8_t>();
      if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return ok_ ? value : 0;
    }
    ok_ = false;
    return 0;
  }

 private:
  ByteView rest_;
  bool ok_ = true;
};

// `size` bytes from `offset`; none when they leave `bytes`.
inline std::optional<ByteView> slice(ByteView bytes, std::uint64_t offset, std::uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) return std::nullopt;
  return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

}  // namespace argosy

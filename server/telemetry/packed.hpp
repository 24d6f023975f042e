// Numbers as varints (LEB128) in a run of bytes: how those who judge keep what they remember of a hundred thousand
// pairs. Written and read by this process alone, never stored. Pure; one owner at a time.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "common/base/encoding.hpp"
#include "common/base/instant.hpp"
#include "common/base/varint.hpp"

namespace argosy::server {

class Packer {
 public:
  explicit Packer(Bytes& bytes) : bytes_(bytes) {}

  void put(std::uint64_t number) { put_varint(bytes_, number); }
  void put_signed(std::int64_t number) { put(zigzag(number)); }
  void put_exact(double number) {
    for (auto bits = std::bit_cast<std::uint64_t>(number), left = std::uint64_t{8}; left > 0; bits >>= 8, --left)
      bytes_.push_back(static_cast<std::uint8_t>(bits));
  }
  void put_bytes(ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  // As the distance from the time that was put last.
  void put(Instant at) {
    put_signed(to_ms(at) - last_ms_);
    last_ms_ = to_ms(at);
  }

 private:
  Bytes& bytes_;
  std::int64_t last_ms_ = 0;
};

// What `put` packs, in as many bytes as it takes: it is put together in a buffer that is used again and again.
template <class Put>
Bytes packed_by(Put put) {
  thread_local Bytes buffer;
  buffer.clear();
  Packer out(buffer);
  put(out);
  return Bytes(buffer.begin(), buffer.end());
}

class Unpacker {
 public:
  explicit Unpacker(ByteView bytes) : bytes_(bytes) {}

  bool is_at_end() const { return at_ >= bytes_.size(); }
  std::size_t taken() const { return at_; }  // bytes
  std::uint64_t number() {                   // of all 64 bits, which take_varint refuses
    std::uint64_t value = 0;
    for (unsigned shift = 0; at_ < bytes_.size() && shift < 64; shift += 7) {
      const std::uint8_t byte = bytes_[at_++];
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) break;
    }
    return value;
  }
  std::int64_t signed_number() { return unzigzag(number()); }
  double exact() {
    std::uint64_t bits = 0;
    for (unsigned shift = 0; shift < 64 && at_ < bytes_.size(); shift += 8)
      bits |= static_cast<std::uint64_t>(bytes_[at_++]) << shift;
    return std::bit_cast<double>(bits);
  }
  ByteView bytes(std::uint64_t length) {  // or as many as are left
    const auto taken = bytes_.subspan(std::min(at_, bytes_.size()));
    const auto found = taken.first(std::min<std::uint64_t>(length, taken.size()));
    at_ += found.size();
    return found;
  }
  Instant instant() { return instant_from_ms(last_ms_ += signed_number()); }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
  std::int64_t last_ms_ = 0;
};

}  // namespace argosy::server

// SHA-256 digests: the names of models, patches and certificates. Any thread; one Sha256 belongs to one thread at a
// time.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/encoding.hpp"

struct SHA256state_st;

namespace argosy {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  std::string to_hex() const { return argosy::to_hex(bytes); }
  // 64 hex digits, in either case.
  static Result<Digest> parse(std::string_view hex);
  friend auto operator<=>(const Digest&, const Digest&) = default;
};

class Sha256 {
 public:
  Sha256();
  void update(ByteView data);
  // The digest of all that was given; the object then starts afresh.
  Digest finish();

 private:
  struct Free {
    void operator()(SHA256state_st* state) const;
  };
  std::unique_ptr<SHA256state_st, Free> state_;
};

struct FileDigest {
  Digest digest;
  std::uint64_t size_bytes = 0;
  friend bool operator==(const FileDigest&, const FileDigest&) = default;
};

Digest sha256(ByteView data);
Digest hmac_sha256(ByteView key, ByteView data);  // RFC 2104
// Reads the file once, 64 KiB at a time. Blocking: not on an I/O thread.
Result<Digest> sha256_file(const std::filesystem::path& path);
Result<FileDigest> measure_file(const std::filesystem::path& path);

}  // namespace argosy

template <>
struct std::hash<argosy::Digest> {
  std::size_t operator()(const argosy::Digest& digest) const noexcept {
    std::size_t value;
    std::memcpy(&value, digest.bytes.data(), sizeof value);
    return value;
  }
};

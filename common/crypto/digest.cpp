#include "common/crypto/digest.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

// OpenSSL's newer calls load its configuration and every algorithm first, 1.9 MB of memory that a program which only
// hashes, such as one that applies a patch, has no other use for. The code that hashes is the same.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "common/base/disk.hpp"
#include "common/base/file.hpp"

namespace argosy {

namespace {

// These calls fail only when the library is broken: nothing a caller could handle.
void require(int ok) {
  if (ok != 1) throw std::runtime_error("SHA-256 failed inside OpenSSL");
}

}  // namespace

Result<Digest> Digest::parse(std::string_view hex) {
  Digest digest;
  const auto bytes = hex.size() == 64 ? from_hex(hex) : Result<Bytes>(make_error(Errc::invalid_argument, ""));
  if (!bytes)
    return make_error(Errc::invalid_argument,
                      "\"" + std::string(hex.substr(0, 80)) + "\" is not a SHA-256 digest; it has 64 hex digits");
  std::copy(bytes->begin(), bytes->end(), digest.bytes.begin());
  return digest;
}

void Sha256::Free::operator()(SHA256state_st* state) const {
  delete state;
}

Sha256::Sha256() : state_(new SHA256_CTX) {
  require(SHA256_Init(state_.get()));
}

void Sha256::update(ByteView data) {
  require(SHA256_Update(state_.get(), data.data(), data.size()));
}

Digest Sha256::finish() {
  Digest digest;
  require(SHA256_Final(digest.bytes.data(), state_.get()));
  require(SHA256_Init(state_.get()));
  return digest;
}

Digest sha256(ByteView data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

Digest hmac_sha256(ByteView key, ByteView data) {
  std::array<std::uint8_t, 64> block{};
  if (key.size() > block.size()) {
    const Digest shorter = sha256(key);
    std::copy(shorter.bytes.begin(), shorter.bytes.end(), block.begin());
  } else {
    std::copy(key.begin(), key.end(), block.begin());
  }
  Sha256 inner;
  Sha256 outer;
  for (auto& byte : block) byte ^= 0x36;
  inner.update(block);
  inner.update(data);
  for (auto& byte : block) byte ^= 0x36 ^ 0x5c;
  outer.update(block);
  outer.update(inner.finish().bytes);
  return outer.finish();
}

Result<FileDigest> measure_file(const std::filesystem::path& path) {
  const UniqueFd fd(disk().open(path, O_RDONLY));
  if (!fd) return errno_error("cannot open " + path.string(), errno);
  Sha256 hash;
  FileDigest measured;
  std::array<std::uint8_t, 65536> buffer;
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("cannot read " + path.string(), errno);
    if (got == 0) break;
    hash.update(ByteView(buffer.data(), static_cast<std::size_t>(got)));
    measured.size_bytes += static_cast<std::uint64_t>(got);
  }
  measured.digest = hash.finish();
  return measured;
}

Result<Digest> sha256_file(const std::filesystem::path& path) {
  ARGOSY_TRY(const auto measured, measure_file(path));
  return measured.digest;
}

}  // namespace argosy

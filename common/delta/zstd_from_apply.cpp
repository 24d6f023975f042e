#include "common/delta/zstd_from_apply.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/mman.h>

#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "common/delta/zstd_frame.hpp"

namespace argosy {

namespace {

// Reads all of it as well, so that a disk that fails says so here and not under the mapping.
Result<Digest> digest_of(int fd, std::uint64_t size) {
  Sha256 hash;
  std::array<std::uint8_t, 16 * 1024> piece;
  for (std::uint64_t offset = 0; offset < size; offset += piece.size()) {
    const auto bytes =
        std::span(piece).first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size - offset)));
    ARGOSY_CHECK(read_exactly_at(fd, offset, bytes));
    hash.update(bytes);
  }
  return hash.finish();
}

Result<void> check_base(int patch_fd, int old_fd, std::uint64_t old_size) {
  std::array<std::uint8_t, zstd_from_base_bytes> wanted;
  ARGOSY_CHECK(read_exactly_at(patch_fd, zstd_from_start.size(), wanted));
  ARGOSY_TRY(const Digest digest, digest_of(old_fd, old_size));
  if (std::equal(wanted.begin(), wanted.end(), digest.bytes.begin())) return {};
  return make_error(Errc::base_mismatch, "the patch is for another file than the one with digest " + digest.to_hex());
}

// The old file under addresses, of which let_go() keeps none in memory.
class Mapping {
 public:
  Mapping(int fd, std::size_t size) : size_(size) {
    if (size_ > 0) start_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
  }
  ~Mapping() {
    if (usable() && size_ > 0) ::munmap(start_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  bool usable() const { return start_ != MAP_FAILED; }
  ByteView bytes() const { return {static_cast<const std::uint8_t*>(start_), size_}; }
  void let_go() const {
    if (size_ > 0) ::madvise(start_, size_, MADV_DONTNEED);
  }

 private:
  std::size_t size_;
  void* start_ = nullptr;
};

}  // namespace

Result<void> apply_zstd_from(int patch_fd, const PatchInfo& info, int old_fd, std::uint64_t old_size,
                             ResultWriter& result) {
  if (!fits_zstd_from(old_size, info.new_bytes))
    return make_error(Errc::too_large, "a zstd-from patch is for files of together at most " +
                                           std::to_string(zstd_from_limit_bytes) + " bytes, and a new one of at most " +
                                           std::to_string(zstd_from_new_limit_bytes));
  ARGOSY_CHECK(check_base(patch_fd, old_fd, old_size));
  const Mapping old(old_fd, static_cast<std::size_t>(old_size));
  if (!old.usable()) return errno_error("cannot map the old file", errno);
  return decompress({.fd = patch_fd,
                     .begin = zstd_from_head_bytes,
                     .end = info.patch_bytes,
                     .window_log = zstd_from_window_log,
                     .prefix = old.bytes(),
                     .after_piece = [&old] { old.let_go(); }},
                    result);
}

}  // namespace argosy

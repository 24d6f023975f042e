// A blob while it is being downloaded: `<digest>.part`, hashed as it grows, renamed to its final name only when size
// and digest are right. What a crash leaves behind is hashed again and gone on with. Blocking; one thread at a time.
#pragma once

#include <filesystem>

#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "common/wire/desired.hpp"

namespace argosy::agent {

class PartFile {
 public:
  // Opens or creates the part and hashes what is there: slow for a long one. A part longer than the blob starts afresh.
  static Result<PartFile> open(const std::filesystem::path& part, const wire::BlobRef& blob);

  std::uint64_t size() const { return size_; }
  bool complete() const { return size_ == blob_.size; }
  // Errc::too_large as soon as the blob would grow over its announced size.
  Result<void> append(std::string_view data);
  Result<void> restart();  // forget everything so far
  // Errc::truncated or Errc::digest_mismatch; with the latter the part is removed. Syncs, renames to `whole`.
  Result<void> finish(const std::filesystem::path& whole);

 private:
  PartFile(std::filesystem::path path, wire::BlobRef blob, UniqueFd fd)
      : path_(std::move(path)), blob_(std::move(blob)), fd_(std::move(fd)) {}
  Result<void> hash_existing();

  std::filesystem::path path_;
  wire::BlobRef blob_;
  UniqueFd fd_;
  Sha256 hash_;
  std::uint64_t size_ = 0;
};

}  // namespace argosy::agent

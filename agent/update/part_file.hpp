// A blob while it is being downloaded: `<digest>.part`, hashed as it grows, renamed to its final name only when size
// and digest are right. What a crash leaves behind is hashed again and gone on with. Blocking; one thread at a time.
#pragma once

#include <filesystem>

#include "agent/update/blob_source.hpp"
#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"

namespace argosy::agent {

class PartFile : public BlobIntake {
 public:
  // Opens or creates the part and hashes what is there: slow for a long one. A part longer than the blob starts afresh.
  // Null when `whole` is there with the blob's size.
  static Result<std::unique_ptr<BlobIntake>> open(const std::filesystem::path& part, const std::filesystem::path& whole,
                                                  const wire::BlobRef& blob);

  std::uint64_t size() const override { return size_; }
  // Errc::too_large as soon as the blob would grow over its announced size.
  Result<void> append(std::string_view data) override;
  Result<void> restart() override;
  // Errc::truncated or Errc::digest_mismatch; with the latter the part is removed.
  Result<void> finish() override;

 private:
  PartFile(std::filesystem::path part, std::filesystem::path whole, wire::BlobRef blob, UniqueFd fd)
      : path_(std::move(part)), whole_(std::move(whole)), blob_(std::move(blob)), fd_(std::move(fd)) {}
  Result<void> hash_existing();

  std::filesystem::path path_;
  std::filesystem::path whole_;
  wire::BlobRef blob_;
  UniqueFd fd_;
  Sha256 hash_;
  std::uint64_t size_ = 0;
};

// What is complete and synced under `part` from now on bears the name `whole`.
Result<void> put_in_place(const std::filesystem::path& part, const std::filesystem::path& whole);

}  // namespace argosy::agent

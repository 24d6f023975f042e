// The files of the content-addressed store: <folder>/ab/cd/<digest>, and <folder>/tmp for what is under way. Blocking:
// for worker threads. Several processes may share the folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"

namespace argosy::server {

// One file on its way in; what was not kept is removed. One thread at a time.
class BlobUpload {
 public:
  BlobUpload(UniqueFd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  ~BlobUpload();
  BlobUpload(const BlobUpload&) = delete;
  BlobUpload& operator=(const BlobUpload&) = delete;

  Result<void> append(ByteView bytes);
  std::uint64_t size() const { return size_; }

 private:
  friend class BlobFolder;
  UniqueFd fd_;
  std::filesystem::path path_;
  Sha256 hash_;
  std::uint64_t size_ = 0;
};

class BlobFolder {
 public:
  // Makes the folder; removes what was left in tmp more than a day ago.
  static Result<BlobFolder> open(std::filesystem::path folder);

  std::filesystem::path path_of(const Digest& digest) const;
  std::filesystem::path temporary_path(const std::string& name) const;
  // Files at the temporary path of this name, and beside it with any ending.
  void remove_temporary(const std::string& name) const;
  // The size of a stored file; nothing when it is not there.
  std::optional<std::uint64_t> size_of(const Digest& digest) const;

  Result<std::shared_ptr<BlobUpload>> begin() const;
  // Durable under its digest, or Errc::digest_mismatch. Two that keep the same blob at once both succeed.
  Result<void> keep(BlobUpload& upload, const Digest& expected) const;
  // The same for a file at a temporary_path(), whose digest the caller has just computed.
  Result<void> adopt(const std::filesystem::path& temporary, const Digest& digest) const;
  // Whoever has it open reads on to its end. A file that is not there is no error.
  Result<void> remove(const Digest& digest) const;
  // Stored files of digests that begin with this byte, and are older than a day.
  std::vector<Digest> old_files(std::uint8_t first_byte) const;
  Result<void> remove_if_old(const Digest& digest) const;
  // What was left in tmp more than a day ago, by those who died on the way.
  void remove_abandoned() const;

 private:
  explicit BlobFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace argosy::server

#include "agent/update/part_file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "common/base/disk.hpp"

namespace argosy::agent {

namespace fs = std::filesystem;

Result<std::unique_ptr<BlobIntake>> PartFile::open(const fs::path& part, const fs::path& whole,
                                                   const wire::BlobRef& blob) {
  std::error_code failed;
  const auto there = fs::file_size(whole, failed);
  if (!failed && there == blob.size) return std::unique_ptr<BlobIntake>();
  ARGOSY_CHECK(create_folders(part.parent_path()));
  UniqueFd fd(disk().open(part, O_RDWR | O_CREAT));
  if (!fd) return errno_error("cannot open " + part.string(), errno);
  std::unique_ptr<PartFile> file(new PartFile(part, whole, blob, std::move(fd)));
  ARGOSY_CHECK(file->hash_existing());
  if (file->size_ > blob.size) ARGOSY_CHECK(file->restart());
  return file;
}

Result<void> PartFile::hash_existing() {
  char buffer[32768];
  for (;;) {
    const ssize_t got = ::read(fd_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("cannot read " + path_.string(), errno);
    if (got == 0) return {};
    hash_.update(as_bytes({buffer, static_cast<std::size_t>(got)}));
    size_ += static_cast<std::uint64_t>(got);
  }
}

Result<void> PartFile::append(std::string_view data) {
  if (data.size() > blob_.size - size_)
    return make_error(Errc::too_large, "blob " + blob_.digest + " is longer than the " + std::to_string(blob_.size) +
                                           " bytes that were announced");
  auto written = write_all(fd_.get(), data);
  if (!written) return std::move(written).error().within(path_.string());
  hash_.update(as_bytes(data));
  size_ += data.size();
  return {};
}

Result<void> PartFile::restart() {
  if (disk().truncate(fd_.get(), 0) != 0 || ::lseek(fd_.get(), 0, SEEK_SET) != 0)
    return errno_error("cannot empty " + path_.string(), errno);
  hash_ = Sha256();
  size_ = 0;
  return {};
}

Result<void> PartFile::finish() {
  if (size_ != blob_.size)
    return make_error(Errc::truncated, "blob " + blob_.digest + " ended after " + std::to_string(size_) + " of " +
                                           std::to_string(blob_.size) + " bytes");
  const std::string digest = hash_.finish().to_hex();
  if (digest != blob_.digest) {
    disk().remove(path_);
    return make_error(Errc::digest_mismatch,
                      "blob " + blob_.digest + " arrived with digest " + digest + ": what was fetched is thrown away");
  }
  if (disk().sync(fd_.get()) != 0) return errno_error("cannot sync " + path_.string(), errno);
  return put_in_place(path_, whole_);
}

Result<void> put_in_place(const fs::path& part, const fs::path& whole) {
  ARGOSY_CHECK(create_folders(whole.parent_path()));
  if (disk().rename(part, whole) != 0) return errno_error("cannot rename to " + whole.string(), errno);
  return sync_path(whole.parent_path());
}

}  // namespace argosy::agent

#include "agent/update/storage.hpp"

#include <cerrno>

#include <sys/statvfs.h>

#include "common/base/file.hpp"

namespace argosy::agent {

namespace fs = std::filesystem;

Result<void> Storage::create() const {
  for (const char* folder : {"models", "state", "downloads", "datasets", "identity"}) {
    std::error_code failed;
    fs::create_directories(root_ / folder, failed);
    if (failed) return errno_error("cannot create " + (root_ / folder).string(), failed.value());
  }
  std::error_code failed;
  fs::permissions(root_ / "identity", fs::perms::owner_all, failed);
  return {};
}

Result<std::uint64_t> Storage::free_bytes() const {
  struct statvfs info {};
  if (::statvfs(root_.c_str(), &info) != 0) return errno_error("cannot measure the disk of " + root_.string(), errno);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

std::uint64_t Storage::have_bytes(const std::string& digest) const {
  for (const fs::path& path : {download(digest), part(digest)}) {
    std::error_code failed;
    const auto size = fs::file_size(path, failed);
    if (!failed) return size;
  }
  return 0;
}

bool Storage::is_whole(const wire::BlobRef& blob) const {
  std::error_code failed;
  const auto size = fs::file_size(download(blob.digest), failed);
  return !failed && size == blob.size;
}

void Storage::remove_download(const std::string& digest) const {
  std::error_code ignored;
  fs::remove(download(digest), ignored);
  fs::remove(part(digest), ignored);
  fs::remove(log(digest), ignored);
}

void Storage::sweep(const std::set<std::string>& wanted, Duration age) const {
  const auto oldest = fs::file_time_type::clock::now() - age;
  for (const char* folder : {"downloads", "datasets"}) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(root_ / folder, failed)) {
      if (wanted.contains(entry.path().stem().string())) continue;
      std::error_code ignored;
      if (entry.last_write_time(ignored) < oldest) fs::remove(entry.path(), ignored);
    }
  }
}

}  // namespace argosy::agent

#include "agent/update/storage.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/base/disk.hpp"
#include "common/base/file.hpp"

namespace argosy::agent {

namespace fs = std::filesystem;

Result<void> Storage::create() const {
  for (const char* folder : {"models", "state", "downloads", "datasets", "identity"}) {
    ARGOSY_CHECK(create_folders(root_ / folder));
  }
  std::error_code failed;
  fs::permissions(root_ / "identity", fs::perms::owner_all, failed);
  return {};
}

Result<UniqueFd> Storage::take() const {
  const fs::path path = root_ / "lock";
  UniqueFd lock(disk().open(path, O_RDWR | O_CREAT));
  if (!lock) return errno_error("cannot open " + path.string(), errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_error("cannot lock " + path.string(), errno);
    const auto owner = read_file(path, 64);
    return make_error(Errc::conflict, "process " + (owner && !owner->empty() ? *owner : "of another agent") + " has " +
                                          root_.string() + "; stop it, or give this agent a root of its own");
  }
  // What it says is for people alone: a full disk does not keep the agent from its work.
  const std::string process = std::to_string(::getpid());
  if (disk().truncate(lock.get(), 0) == 0) disk().write(lock.get(), process.data(), process.size());
  return lock;
}

Result<std::uint64_t> Storage::free_bytes() const {
  std::uint64_t bytes = 0;
  if (disk().free_bytes(root_, bytes) != 0) return errno_error("cannot measure the disk of " + root_.string(), errno);
  return bytes;
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
  for (const fs::path& path : {download(digest), part(digest), log(digest)}) disk().remove(path);
}

void Storage::sweep(const std::set<std::string>& wanted, Duration age) const {
  const auto oldest = fs::file_time_type::clock::now() - age;
  for (const char* folder : {"downloads", "datasets"}) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(root_ / folder, failed)) {
      if (wanted.contains(entry.path().stem().string())) continue;
      std::error_code ignored;
      if (entry.last_write_time(ignored) < oldest) disk().remove(entry.path());
    }
  }
}

}  // namespace argosy::agent

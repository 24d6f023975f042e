#include "common/base/disk.hpp"

#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/file.hpp"

namespace argosy {

namespace fs = std::filesystem;

int Disk::open(const Path& path, int flags, unsigned mode) {
  return ::open(path.c_str(), flags | O_CLOEXEC, static_cast<mode_t>(mode));
}

ssize_t Disk::write(int fd, const void* data, std::size_t bytes) {
  return ::write(fd, data, bytes);
}

int Disk::truncate(int fd, std::uint64_t bytes) {
  return ::ftruncate(fd, static_cast<off_t>(bytes));
}

int Disk::sync(int fd) {
  return ::fsync(fd);
}

int Disk::rename(const Path& from, const Path& to) {
  return ::rename(from.c_str(), to.c_str());
}

int Disk::remove(const Path& path) {
  return std::remove(path.c_str());
}

int Disk::link(const Path& target, const Path& path) {
  return ::symlink(target.c_str(), path.c_str());
}

int Disk::share(const Path& file, const Path& path) {
  return ::link(file.c_str(), path.c_str());
}

int Disk::make_folder(const Path& path) {
  return ::mkdir(path.c_str(), 0777);
}

int Disk::free_bytes(const Path& folder, std::uint64_t& bytes) {
  struct statvfs info {};
  if (::statvfs(folder.c_str(), &info) != 0) return -1;
  bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  return 0;
}

namespace {

Disk*& present() {
  static Disk system;
  static Disk* one = &system;
  return one;
}

}  // namespace

Disk& disk() {
  return *present();
}

DiskInPlace::DiskInPlace(Disk& instead) : before_(std::exchange(present(), &instead)) {}

DiskInPlace::~DiskInPlace() {
  present() = before_;
}

Result<void> create_folders(const fs::path& folder) {
  std::error_code failed;
  if (folder.empty() || fs::is_directory(folder, failed)) return {};
  ARGOSY_CHECK(create_folders(folder.parent_path()));
  if (disk().make_folder(folder) != 0 && errno != EEXIST) return errno_error("cannot create " + folder.string(), errno);
  return sync_path(folder.has_parent_path() ? folder.parent_path() : fs::path("."));
}

Result<void> remove_tree(const fs::path& path) {
  std::error_code failed;
  if (fs::symlink_status(path, failed).type() == fs::file_type::directory)
    for (const auto& entry : fs::directory_iterator(path, failed)) ARGOSY_CHECK(remove_tree(entry.path()));
  if (disk().remove(path) != 0 && errno != ENOENT) return errno_error("cannot remove " + path.string(), errno);
  return {};
}

}  // namespace argosy

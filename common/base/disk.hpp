// Every call that opens, writes, syncs, renames or removes a file on behalf of the agent's updates, in one place, so
// that a test can fail any of them or let the power go there (docs/adr/0005-one-layer-for-files.md). Each does what the
// system call of its name does, errno included. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>

#include <sys/types.h>

#include "common/base/error.hpp"

namespace argosy {

class Disk {
 public:
  using Path = std::filesystem::path;

  virtual ~Disk() = default;
  virtual int open(const Path& path, int flags, unsigned mode = 0644);  // also for reading; always O_CLOEXEC
  virtual ssize_t write(int fd, const void* data, std::size_t bytes);
  virtual int truncate(int fd, std::uint64_t bytes);
  virtual int sync(int fd);
  virtual int rename(const Path& from, const Path& to);
  virtual int remove(const Path& path);                    // a file, a link or an empty folder
  virtual int link(const Path& target, const Path& path);  // symbolic
  virtual int share(const Path& file, const Path& path);   // another name of the same file
  virtual int make_folder(const Path& path);
  virtual int free_bytes(const Path& folder, std::uint64_t& bytes);  // for those who are not root
};

// The system's, unless a test has put its own in place.
Disk& disk();

// Puts `instead` in place for this object's life. Only while no other thread uses the disk.
class DiskInPlace {
 public:
  explicit DiskInPlace(Disk& instead);
  ~DiskInPlace();
  DiskInPlace(const DiskInPlace&) = delete;
  DiskInPlace& operator=(const DiskInPlace&) = delete;

 private:
  Disk* before_;
};

// The folder and those above it that are missing, durably: each new one is synced into the one that it is in.
Result<void> create_folders(const std::filesystem::path& folder);

// A file, a link, or a folder with all that is in it; what is not there is no error.
Result<void> remove_tree(const std::filesystem::path& path);

}  // namespace argosy

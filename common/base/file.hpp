// Small files, written so that a power cut leaves the old content or the new, never a half. Blocking; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy {

// The whole file as text; Errc::too_large over `limit` bytes, Errc::not_found when it is missing.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit = 64ULL << 20);

// Write to a sibling, fsync, rename over `path`, fsync the folder.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);

// fsync of a file or folder that exists.
Result<void> sync_path(const std::filesystem::path& path);

// Atomically makes `link` point to `target` (relative or absolute), replacing what it pointed to.
Result<void> replace_symlink(const std::filesystem::path& link, const std::filesystem::path& target);

// Error from errno: Errc::out_of_space for ENOSPC and EDQUOT, Errc::not_found for ENOENT, else Errc::io.
Error errno_error(std::string_view what, int error_number);

// Owns a file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Writes all of `data`, going on after short writes and signals.
Result<void> write_all(int fd, std::string_view data);

// Has the system begin to write back what was written, every 8 MiB: the sync at the end finds little left to do, and
// memory does not fill with what waits. Of a file that is longer than a sixteenth of memory, the rest leaves the page
// cache once it is on disk: a large model does not push out the one that serves. Errors are for the sync to find.
class EarlyWriteBack {
 public:
  // `fd` stays the caller's.
  explicit EarlyWriteBack(int fd) : fd_(fd) {}
  void wrote(std::uint64_t bytes);

 private:
  void let_go() const;

  int fd_;
  std::uint64_t waiting_ = 0;
};

}  // namespace argosy

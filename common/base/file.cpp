#include "common/base/file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/disk.hpp"

namespace argosy {

namespace fs = std::filesystem;

Error errno_error(std::string_view what, int error_number) {
  const Errc code = error_number == ENOSPC || error_number == EDQUOT ? Errc::out_of_space
                    : error_number == ENOENT                         ? Errc::not_found
                                                                     : Errc::io;
  return make_error(code, std::string(what) + ": " + std::strerror(error_number));
}

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::string> read_file(const fs::path& path, std::uint64_t limit) {
  const UniqueFd fd(disk().open(path, O_RDONLY));
  if (!fd) return errno_error("cannot open " + path.string(), errno);
  std::string content;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("cannot read " + path.string(), errno);
    if (got == 0) return content;
    if (content.size() + static_cast<std::size_t>(got) > limit)
      return make_error(Errc::too_large, path.string() + " is larger than " + std::to_string(limit) + " bytes");
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<void> write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t put = disk().write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno_error("write failed", errno);
    data.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

void EarlyWriteBack::wrote(std::uint64_t bytes) {
  constexpr std::uint64_t stride = 8 << 20;
  waiting_ += bytes;
  if (waiting_ < stride) return;
  waiting_ = 0;
  ::sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE);  // does not wait, so it takes no error from the sync
  let_go();
}

void EarlyWriteBack::let_go() const {
  constexpr off_t on_its_way = 64 << 20, looked_through = 256 << 20;
  static const off_t kept = static_cast<off_t>(::sysconf(_SC_PHYS_PAGES)) / 16 * ::sysconf(_SC_PAGESIZE);
  const off_t end = ::lseek(fd_, 0, SEEK_CUR) - on_its_way;
  const off_t start = std::max(kept, end - looked_through);
  if (start < end) ::posix_fadvise(fd_, start, end - start, POSIX_FADV_DONTNEED);
}

Result<void> sync_path(const fs::path& path) {
  const UniqueFd fd(disk().open(path, O_RDONLY));
  if (!fd) return errno_error("cannot open " + path.string(), errno);
  if (disk().sync(fd.get()) != 0) return errno_error("cannot sync " + path.string(), errno);
  return {};
}

namespace {

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

Result<void> rename_durably(const fs::path& from, const fs::path& to) {
  if (disk().rename(from, to) != 0) {
    const int error_number = errno;
    disk().remove(from);
    return errno_error("cannot rename to " + to.string(), error_number);
  }
  return sync_path(folder_of(to));
}

}  // namespace

Result<void> write_file_atomically(const fs::path& path, std::string_view content, unsigned mode) {
  const fs::path sibling = path.string() + ".tmp";
  // A sibling that a crash or somebody else left would lend its mode, or lead elsewhere: never write into one.
  disk().remove(sibling);
  UniqueFd fd(disk().open(sibling, O_WRONLY | O_CREAT | O_EXCL, mode));
  if (!fd) return errno_error("cannot create " + sibling.string(), errno);
  auto written = write_all(fd.get(), content);
  if (written && disk().sync(fd.get()) != 0) written = errno_error("cannot sync " + sibling.string(), errno);
  fd.reset();
  if (!written) {
    disk().remove(sibling);
    return std::move(written).error().within(path.string());
  }
  return rename_durably(sibling, path);
}

Result<void> replace_symlink(const fs::path& link, const fs::path& target) {
  const fs::path sibling = link.string() + ".tmp";
  disk().remove(sibling);
  if (disk().link(target, sibling) != 0) return errno_error("cannot link " + sibling.string(), errno);
  return rename_durably(sibling, link);
}

}  // namespace argosy

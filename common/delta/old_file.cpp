#include "common/delta/old_file.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.hpp"

namespace argosy {

namespace {

constexpr std::size_t window_bytes = 4096;

}  // namespace

Result<std::uint64_t> file_size_of(int fd) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return errno_error("cannot look at the file", errno);
  if (!S_ISREG(facts.st_mode)) return make_error(Errc::io, "not a regular file");
  return static_cast<std::uint64_t>(facts.st_size);
}

Result<void> read_exactly_at(int fd, std::uint64_t offset, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read failed at byte " + std::to_string(offset), errno);
    if (got == 0) return make_error(Errc::truncated, "the file ends at byte " + std::to_string(offset));
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

Result<void> OldFile::add_to(std::span<std::uint8_t> target, std::uint64_t offset) {
  while (!target.empty()) {
    if (offset < window_start_ || offset >= window_start_ + window_.size()) ARGOSY_CHECK(move_window_to(offset));
    const auto known = std::span(window_).subspan(static_cast<std::size_t>(offset - window_start_));
    const std::size_t count = std::min(known.size(), target.size());
    for (std::size_t i = 0; i < count; ++i) target[i] = static_cast<std::uint8_t>(target[i] + known[i]);
    target = target.subspan(count);
    offset += count;
  }
  return {};
}

Result<void> OldFile::move_window_to(std::uint64_t offset) {
  if (offset >= size_) return make_error(Errc::internal, "a patch step reads behind the old file");
  window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(window_bytes, size_ - offset)));
  window_start_ = offset;
  auto read = read_exactly_at(fd_, offset, window_);
  if (!read) {
    window_.clear();
    return std::move(read).error().within("old file");
  }
  return {};
}

}  // namespace argosy

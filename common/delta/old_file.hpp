// Reads at any offset, with pread: the old model is never in memory as a whole. One thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/encoding.hpp"

namespace argosy {

Result<std::uint64_t> file_size_of(int fd);

// Fills `out` from `offset`; Errc::truncated when the file ends before.
Result<void> read_exactly_at(int fd, std::uint64_t offset, std::span<std::uint8_t> out);

// The old file under a small window, because most steps of a patch are short and near to each other.
class OldFile {
 public:
  OldFile(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
  std::uint64_t size() const { return size_; }
  // target[i] += old[offset + i], wrapping. The range lies inside the file.
  Result<void> add_to(std::span<std::uint8_t> target, std::uint64_t offset);

 private:
  Result<void> move_window_to(std::uint64_t offset);

  int fd_;
  std::uint64_t size_;
  std::vector<std::uint8_t> window_;
  std::uint64_t window_start_ = 0;
};

}  // namespace argosy

// A whole file as bytes, without reading it first. Blocking open; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <utility>

#include "common/base/encoding.hpp"

namespace argosy {

// Mapped read-only. Whoever cuts the file short meanwhile ends this process: for files that nobody else writes.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path,
                                 std::uint64_t limit = std::numeric_limits<std::uint64_t>::max());
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MappedFile();
  ByteView bytes() const { return bytes_; }

 private:
  ByteView bytes_;
};

}  // namespace argosy

// One bzip2 stream inside a file, decompressed as it is asked for, from pread. One thread.
// Takes at most 2.4 MiB of memory (libbz2's small mode: half the memory, about half the speed) and a 16 KiB buffer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace argosy {

class Bzip2Reader {
 public:
  // The stream takes `size` bytes of the file from `offset`; `name` is for messages.
  Bzip2Reader(int fd, std::uint64_t offset, std::uint64_t size, std::string name);
  ~Bzip2Reader();
  Bzip2Reader(const Bzip2Reader&) = delete;
  Bzip2Reader& operator=(const Bzip2Reader&) = delete;

  // Fills `out`. Errc::truncated when the compressed bytes end, Errc::malformed_patch when they are wrong or too few.
  Result<void> read(std::span<std::uint8_t> out);
  // Whether the stream ends here, with its check sum right and nothing left over.
  Result<void> expect_end();

 private:
  struct Stream;
  Result<std::size_t> read_some(std::span<std::uint8_t> out);
  Result<void> refill();
  Error problem(std::string_view what) const;

  int fd_;
  std::uint64_t offset_;
  std::uint64_t left_;
  std::string name_;
  std::vector<std::uint8_t> input_;
  std::unique_ptr<Stream> stream_;
  bool ended_ = false;
};

}  // namespace argosy

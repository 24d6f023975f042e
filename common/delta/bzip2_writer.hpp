// Compresses what it is given into one bzip2 stream in memory, One thread; up to 8 MiB of memory.
#pragma once

#include <memory>

#include "common/base/encoding.hpp"

namespace argosy {

class Bzip2Writer {
 public:
  // Memory grows with the block, 1 to 9 times 100 kB, here and where the stream is read: 2.5 bytes a byte of it there.
  explicit Bzip2Writer(int block);
  ~Bzip2Writer();
  Bzip2Writer(const Bzip2Writer&) = delete;
  Bzip2Writer& operator=(const Bzip2Writer&) = delete;

  void write(ByteView data);
  // Ends the stream; the writer is used up.
  Bytes finish();

 private:
  struct Stream;
  void push(int action);

  std::unique_ptr<Stream> stream_;
  Bytes compressed_;
};

}  // namespace argosy

// One zstd frame that a patch file ends with, decompressed as the result takes it. One thread; memory: the frame's
// window and some 150 KiB.
#pragma once

#include <cstdint>
#include <functional>

#include "common/base/encoding.hpp"
#include "common/delta/result_writer.hpp"

namespace argosy {

struct ZstdFrame {
  int fd = -1;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  // of the file: what comes behind the frame is an error
  int window_log = 0;     // a frame that asks for a larger window is refused
  ByteView prefix = {};   // what the frame may refer to
  std::function<void()> after_piece = {};
};

// Errc::malformed_patch, truncated, io.
Result<void> decompress(const ZstdFrame& frame, ResultWriter& result);

}  // namespace argosy

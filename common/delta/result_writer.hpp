// The new file as it comes into being: 64 KiB of buffer, a running digest, the sink, progress and cancellation.
// Never passes on more bytes than were announced. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/crypto/digest.hpp"
#include "common/delta/patch_codec.hpp"

namespace argosy {

// Takes the next bytes of the new file, in order.
using PatchSink = std::function<Result<void>(ByteView)>;

class ResultWriter {
 public:
  ResultWriter(std::uint64_t size, const PatchSink& sink, const PatchProgress& progress);

  std::uint64_t size() const { return size_; }
  std::uint64_t left() const { return size_ - written_ - used_; }
  // Free room of 1 to `wanted` bytes, to be filled and then committed; wanted is not zero and not over left().
  Result<std::span<std::uint8_t>> room(std::uint64_t wanted);
  void commit(std::size_t count) { used_ += count; }
  // A stretch that is there already: passed on as it is.
  Result<void> take(ByteView made);
  // Passes on the rest. Errc::malformed_patch when bytes are missing.
  Result<FileDigest> finish();

 private:
  Error too_much() const;
  Result<void> flush();
  Result<void> pass_on(ByteView ready);

  std::uint64_t size_;
  const PatchSink& sink_;
  const PatchProgress& progress_;
  std::vector<std::uint8_t> buffer_;
  std::size_t used_ = 0;
  std::uint64_t written_ = 0;
  Sha256 hash_;
};

}  // namespace argosy

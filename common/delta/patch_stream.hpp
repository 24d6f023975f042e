// A tensor patch applied while it arrives: bytes go in as they come, checked chunks of the new file come out. What was
// made can be gone on with after a break, from any chunk's end. Memory as of TensorDecoder, and one chunk of input.
// One thread; a call makes as many chunks as its bytes complete (a chunk takes about 2 ms a core of 3 GHz).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "common/crypto/digest.hpp"
#include "common/delta/patch_codec.hpp"
#include "common/delta/tensor_decoder.hpp"

namespace argosy {

// The end of a chunk, in both files.
struct PatchPosition {
  std::uint64_t patch_bytes = 0;
  std::uint64_t result_bytes = 0;
  friend bool operator==(const PatchPosition&, const PatchPosition&) = default;
};

struct StreamRequest {
  int old_fd = -1;  // the caller's; it has checked that this file is `old_file`
  FileDigest old_file;
  FileDigest new_file;
  std::uint64_t patch_bytes = 0;
};

class PatchStream {
 public:
  // Takes a checked chunk, and where it ends.
  using ChunkSink = std::function<Result<void>(ByteView made, const PatchPosition& end)>;

  PatchStream(const StreamRequest& request, ChunkSink sink);
  // Goes on from `position`; `head` is what an earlier stream gave. Errc::malformed_patch when it is not of this patch.
  static Result<PatchStream> resume(const StreamRequest& request, ChunkSink sink, ByteView head,
                                    const PatchPosition& position);

  // The next bytes of the patch, in order. Errors end the stream:
  //   base_mismatch    the patch is for another old file
  //   malformed_patch  damaged, hostile, or not for this new file
  //   and whatever reading the old file or the sink gives
  Result<void> push(ByteView bytes);

  // The patch's first bytes, up to the first chunk: complete when a chunk has come out.
  ByteView head() const { return head_; }
  std::uint64_t pushed_bytes() const { return pushed_; }
  const PatchPosition& position() const { return position_; }
  // What has come of the chunk behind position().
  Bytes pending() const;
  bool complete() const { return stage_ == Stage::complete; }

 private:
  enum class Stage : std::uint8_t { header, tables, chunk_header, payload, complete };

  std::span<std::uint8_t> room() const { return input_.subspan(filled_); }
  Result<void> take_input();
  Result<void> take_header();
  Result<void> take_tables();
  Result<void> take_chunk_header();
  Result<void> take_payload();
  void expect(Stage stage, std::span<std::uint8_t> input);
  void expect_chunk();

  StreamRequest request_;
  ChunkSink sink_;
  Stage stage_ = Stage::header;
  Bytes head_;
  Bytes chunk_head_;
  std::span<std::uint8_t> input_;  // of head_, chunk_head_ or decoder_: what the present stage reads
  std::size_t filled_ = 0;
  tensor::Header header_;
  tensor::ChunkHeader chunk_;
  std::optional<TensorDecoder> decoder_;
  PatchPosition position_;
  std::uint64_t pushed_ = 0;
};

}  // namespace argosy

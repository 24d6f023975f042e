#include "common/delta/zstd_frame.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include <zstd.h>

#include "common/delta/old_file.hpp"

namespace argosy {

namespace {

constexpr std::size_t frame_buffer_bytes = 16 * 1024;

struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

class Decompression {
 public:
  Decompression(const ZstdFrame& frame, ResultWriter& result)
      : frame_(frame),
        result_(result),
        context_(ZSTD_createDCtx()),
        buffer_(frame_buffer_bytes),
        offset_(frame.begin) {}

  Result<void> run() {
    if (!start()) return make_error(Errc::internal, "cannot start the zstd decoder");
    while (frame_needs_ != 0) {
      if (input_.pos == input_.size) ARGOSY_CHECK(refill());
      ARGOSY_CHECK(decode_some());
    }
    if (input_.pos != input_.size || offset_ != frame_.end)
      return make_error(Errc::malformed_patch, "the patch goes on behind its end");
    return {};
  }

 private:
  bool start() {
    const auto worked = [](std::size_t code) { return ZSTD_isError(code) == 0; };
    return context_ && worked(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, frame_.window_log)) &&
           worked(ZSTD_DCtx_refPrefix(context_.get(), frame_.prefix.data(), frame_.prefix.size()));
  }

  Result<void> refill() {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), frame_.end - offset_));
    // The decoder may still hold output when the input is used up, but then it says so by asking for more.
    if (count == 0 && input_done_) return make_error(Errc::truncated, "the patch is cut short");
    input_done_ = count == 0;
    ARGOSY_CHECK(read_exactly_at(frame_.fd, offset_, std::span(buffer_).first(count)));
    offset_ += count;
    input_ = {buffer_.data(), count, 0};
    return {};
  }

  Result<void> decode_some() {
    std::uint8_t none = 0;
    std::span<std::uint8_t> room(&none, 0);
    if (result_.left() > 0) {
      ARGOSY_TRY(room, result_.room(result_.left()));
    }
    ZSTD_outBuffer output{room.data(), room.size(), 0};
    frame_needs_ = ZSTD_decompressStream(context_.get(), &output, &input_);
    if (ZSTD_isError(frame_needs_) != 0)
      return make_error(Errc::malformed_patch, std::string("the patch is damaged: ") + ZSTD_getErrorName(frame_needs_));
    result_.commit(output.pos);
    if (frame_.after_piece) frame_.after_piece();
    return {};
  }

  const ZstdFrame& frame_;
  ResultWriter& result_;
  std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context_;
  std::vector<std::uint8_t> buffer_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  std::uint64_t offset_;
  bool input_done_ = false;
  std::size_t frame_needs_ = 1;
};

}  // namespace

Result<void> decompress(const ZstdFrame& frame, ResultWriter& result) {
  return Decompression(frame, result).run();
}

}  // namespace argosy

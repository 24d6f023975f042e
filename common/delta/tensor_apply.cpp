#include "common/delta/tensor_apply.hpp"

#include "common/delta/tensor_decoder.hpp"
#include "common/delta/tensor_format.hpp"

namespace argosy {

namespace {

// The patch file from its first byte to its last.
class PatchFile {
 public:
  PatchFile(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
  bool at_end() const { return offset_ == size_; }
  Result<void> read(std::span<std::uint8_t> out) {
    if (size_ - offset_ < out.size())
      return make_error(Errc::truncated, "the patch is cut short at byte " + std::to_string(size_));
    ARGOSY_CHECK(read_exactly_at(fd_, offset_, out));
    offset_ += out.size();
    return {};
  }

 private:
  int fd_;
  std::uint64_t size_;
  std::uint64_t offset_ = 0;
};

Result<TensorDecoder> read_head(PatchFile& patch, int old_fd) {
  std::array<std::uint8_t, tensor::header_bytes> bytes;
  ARGOSY_CHECK(patch.read(bytes));
  ARGOSY_TRY(const tensor::Header header, tensor::decode_header(bytes));
  Bytes packed(header.packed_tables);
  ARGOSY_CHECK(patch.read(packed));
  return TensorDecoder::create(header, packed, old_fd);
}

}  // namespace

Result<void> apply_tensor(int patch_fd, const PatchInfo& info, int old_fd, ResultWriter& result) {
  PatchFile patch(patch_fd, info.patch_bytes);
  ARGOSY_TRY(TensorDecoder decoder, read_head(patch, old_fd));
  while (result.left() > 0) {
    std::array<std::uint8_t, tensor::chunk_header_bytes> bytes;
    ARGOSY_CHECK(patch.read(bytes));
    ARGOSY_TRY(const auto header, tensor::decode_chunk_header(bytes, result.left()));
    ARGOSY_CHECK(patch.read(decoder.payload_room(header)));
    ARGOSY_TRY(const ByteView made, decoder.make_chunk(header));
    ARGOSY_CHECK(result.take(made));
  }
  if (!patch.at_end()) return tensor::damaged("it goes on behind its end");
  return {};
}

}  // namespace argosy

#include "common/delta/patch_stream.hpp"

#include <algorithm>

namespace argosy {

PatchStream::PatchStream(const StreamRequest& request, ChunkSink sink)
    : request_(request), sink_(std::move(sink)), head_(tensor::header_bytes), chunk_head_(tensor::chunk_header_bytes) {
  expect(Stage::header, head_);
}

Result<PatchStream> PatchStream::resume(const StreamRequest& request, ChunkSink sink, ByteView head,
                                        const PatchPosition& position) {
  PatchStream stream(request, std::move(sink));
  ARGOSY_CHECK(stream.push(head));
  const bool inside = position.patch_bytes <= request.patch_bytes && position.patch_bytes >= head.size() &&
                      position.result_bytes <= request.new_file.size_bytes;
  if (stream.head().size() != head.size() || stream.stage_ < Stage::chunk_header || !inside)
    return tensor::damaged("what was kept of it does not fit");
  stream.position_ = position;
  stream.pushed_ = position.patch_bytes;
  stream.expect_chunk();
  return stream;
}

void PatchStream::expect(Stage stage, std::span<std::uint8_t> input) {
  stage_ = stage;
  input_ = input;
  filled_ = 0;
}

void PatchStream::expect_chunk() {
  if (position_.result_bytes == request_.new_file.size_bytes)
    expect(Stage::complete, {});
  else
    expect(Stage::chunk_header, chunk_head_);
}

Result<void> PatchStream::push(ByteView bytes) {
  if (bytes.size() > request_.patch_bytes - pushed_) return tensor::damaged("it is longer than was announced");
  while (!bytes.empty()) {
    if (complete()) return tensor::damaged("it goes on behind its end");
    const std::size_t count = std::min(bytes.size(), room().size());
    std::copy_n(bytes.begin(), count, room().begin());
    bytes = bytes.subspan(count);
    filled_ += count;
    pushed_ += count;
    while (room().empty() && !complete()) ARGOSY_CHECK(take_input());
  }
  if (pushed_ == request_.patch_bytes && !complete())
    return make_error(Errc::malformed_patch, "the patch ends before its result does");
  return {};
}

Bytes PatchStream::pending() const {
  if (stage_ != Stage::chunk_header && stage_ != Stage::payload) return {};
  Bytes bytes;
  if (stage_ == Stage::payload) bytes = chunk_head_;
  bytes.insert(bytes.end(), input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(filled_));
  return bytes;
}

Result<void> PatchStream::take_input() {
  switch (stage_) {
    case Stage::header:
      return take_header();
    case Stage::tables:
      return take_tables();
    case Stage::chunk_header:
      return take_chunk_header();
    case Stage::payload:
      return take_payload();
    case Stage::complete:
      break;
  }
  return {};
}

Result<void> PatchStream::take_header() {
  ARGOSY_TRY(header_, tensor::decode_header(std::span(head_).first<tensor::header_bytes>()));
  if (header_.old_file != request_.old_file)
    return make_error(Errc::base_mismatch, "the patch is for the file with digest " + header_.old_file.digest.to_hex() +
                                               ", not for " + request_.old_file.digest.to_hex());
  if (header_.new_file != request_.new_file)
    return make_error(Errc::malformed_patch, "the patch makes the file with digest " +
                                                 header_.new_file.digest.to_hex() + ", and " +
                                                 request_.new_file.digest.to_hex() + " is expected");
  head_.resize(tensor::header_bytes + header_.packed_tables);
  expect(Stage::tables, std::span(head_).subspan(tensor::header_bytes));
  return {};
}

Result<void> PatchStream::take_tables() {
  const ByteView packed = ByteView(head_).subspan(tensor::header_bytes);
  ARGOSY_TRY(decoder_, TensorDecoder::create(header_, packed, request_.old_fd));
  position_ = {head_.size(), 0};
  expect_chunk();
  return {};
}

Result<void> PatchStream::take_chunk_header() {
  const std::uint64_t left = request_.new_file.size_bytes - position_.result_bytes;
  ARGOSY_TRY(chunk_, tensor::decode_chunk_header(std::span(chunk_head_).first<tensor::chunk_header_bytes>(), left));
  expect(Stage::payload, decoder_->payload_room(chunk_));
  return {};
}

Result<void> PatchStream::take_payload() {
  ARGOSY_TRY(const ByteView made, decoder_->make_chunk(chunk_));
  position_.patch_bytes += tensor::chunk_header_bytes + chunk_.payload_bytes;
  position_.result_bytes += made.size();
  ARGOSY_CHECK(sink_(made, position_));
  expect_chunk();
  return {};
}

}  // namespace argosy

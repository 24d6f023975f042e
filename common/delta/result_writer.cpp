#include "common/delta/result_writer.hpp"

#include <algorithm>

namespace argosy {

namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

}  // namespace

ResultWriter::ResultWriter(std::uint64_t size, const PatchSink& sink, const PatchProgress& progress)
    : size_(size), sink_(sink), progress_(progress), buffer_(buffer_bytes) {}

Result<std::span<std::uint8_t>> ResultWriter::room(std::uint64_t wanted) {
  if (wanted > left())
    return make_error(Errc::malformed_patch,
                      "the patch makes more than the " + std::to_string(size_) + " bytes that its header announces");
  if (used_ == buffer_.size()) ARGOSY_CHECK(flush());
  const std::size_t free = buffer_.size() - used_;
  return std::span(buffer_).subspan(used_, static_cast<std::size_t>(std::min<std::uint64_t>(free, wanted)));
}

Result<void> ResultWriter::flush() {
  const ByteView ready(buffer_.data(), used_);
  hash_.update(ready);
  ARGOSY_CHECK(sink_(ready));
  written_ += used_;
  used_ = 0;
  if (progress_ && !progress_(written_, size_)) return make_error(Errc::cancelled, "applying the patch was cancelled");
  return {};
}

Result<FileDigest> ResultWriter::finish() {
  if (left() != 0)
    return make_error(Errc::malformed_patch, "the patch makes " + std::to_string(size_ - left()) + " of the " +
                                                 std::to_string(size_) + " bytes that its header announces");
  ARGOSY_CHECK(flush());
  return FileDigest{hash_.finish(), written_};
}

}  // namespace argosy

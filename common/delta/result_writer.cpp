#include "common/delta/result_writer.hpp"

#include <algorithm>
#include <utility>

namespace argosy {

namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

}  // namespace

ResultWriter::ResultWriter(std::uint64_t size, const PatchSink& sink, const PatchProgress& progress)
    : size_(size), sink_(sink), progress_(progress), buffer_(buffer_bytes) {}

Error ResultWriter::too_much() const {
  return make_error(Errc::malformed_patch,
                    "the patch makes more than the " + std::to_string(size_) + " bytes that its header announces");
}

Result<std::span<std::uint8_t>> ResultWriter::room(std::uint64_t wanted) {
  if (wanted > left()) return too_much();
  if (used_ == buffer_.size()) ARGOSY_CHECK(flush());
  const std::size_t free = buffer_.size() - used_;
  return std::span(buffer_).subspan(used_, static_cast<std::size_t>(std::min<std::uint64_t>(free, wanted)));
}

Result<void> ResultWriter::flush() {
  const std::size_t ready = std::exchange(used_, 0);
  return pass_on(ByteView(buffer_.data(), ready));
}

Result<void> ResultWriter::take(ByteView made) {
  if (made.size() > left()) return too_much();
  ARGOSY_CHECK(flush());
  return pass_on(made);
}

Result<void> ResultWriter::pass_on(ByteView ready) {
  hash_.update(ready);
  ARGOSY_CHECK(sink_(ready));
  written_ += ready.size();
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

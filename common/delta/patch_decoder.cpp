#include "common/delta/patch_decoder.hpp"

#include <array>

#include <zstd.h>

#include "common/delta/bsdiff_apply.hpp"
#include "common/delta/bsdiff_format.hpp"
#include "common/delta/old_file.hpp"
#include "common/delta/tensor_apply.hpp"
#include "common/delta/zstd_apply.hpp"
#include "common/delta/zstd_from_apply.hpp"

namespace argosy {

namespace {

Error ends_in_header(std::uint64_t bytes) {
  return make_error(Errc::truncated, "the patch ends after " + std::to_string(bytes) + " bytes, inside its header");
}

Result<void> check_whole(ByteView first, std::size_t header_bytes) {
  if (first.size() >= header_bytes) return {};
  return make_error(Errc::truncated, ends_in_header(first.size()).message + " of " + std::to_string(header_bytes));
}

Result<void> describe_tensor(PatchInfo& info, ByteView first) {
  ARGOSY_CHECK(check_whole(first, tensor::header_bytes));
  ARGOSY_TRY(const auto header, tensor::decode_header(first.first<tensor::header_bytes>()));
  info.new_bytes = header.new_file.size_bytes;
  info.old_file = header.old_file;
  info.new_file = header.new_file;
  return {};
}

Result<void> describe_bsdiff(PatchInfo& info, ByteView first) {
  ARGOSY_CHECK(check_whole(first, bsdiff::header_bytes));
  ARGOSY_TRY(const auto header, bsdiff::decode_header(first.first<bsdiff::header_bytes>(), info.patch_bytes));
  info.new_bytes = header.new_size;
  info.control_bytes = header.control_size;
  info.difference_bytes = header.difference_size;
  info.extra_bytes = info.patch_bytes - bsdiff::header_bytes - header.control_size - header.difference_size;
  return {};
}

Result<void> describe_frame(PatchInfo& info, ByteView first, std::size_t frame_begin) {
  const ByteView frame = first.subspan(frame_begin);
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR && first.size() < largest_patch_header) return ends_in_header(frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
    return make_error(Errc::malformed_patch, "the zstd patch does not say how large its result is");
  info.new_bytes = size;
  return {};
}

Result<void> describe_zstd_from(PatchInfo& info, ByteView first) {
  ARGOSY_CHECK(check_whole(first, zstd_from_head_bytes));
  return describe_frame(info, first, zstd_from_head_bytes);
}

Result<void> describe_zstd(PatchInfo& info, ByteView first) {
  return describe_frame(info, first, 0);
}

Result<void> run_tensor(int patch_fd, const PatchInfo& info, int old_fd, std::uint64_t, ResultWriter& result) {
  return apply_tensor(patch_fd, info, old_fd, result);
}

Result<void> run_bsdiff(int patch_fd, const PatchInfo& info, int old_fd, std::uint64_t old_size, ResultWriter& result) {
  OldFile old(old_fd, old_size);
  return apply_bsdiff(patch_fd, info, old, result);
}

Result<void> run_zstd(int patch_fd, const PatchInfo& info, int, std::uint64_t, ResultWriter& result) {
  return apply_zstd(patch_fd, info, result);
}

constexpr std::array<PatchDecoder, patch_codecs.size()> decoders = {{
    {PatchCodec::tensor, describe_tensor, run_tensor},
    {PatchCodec::bsdiff, describe_bsdiff, run_bsdiff},
    {PatchCodec::zstd_from, describe_zstd_from, apply_zstd_from},
    {PatchCodec::zstd, describe_zstd, run_zstd},
}};
static_assert(one_for_each_codec(decoders));

}  // namespace

const PatchDecoder& decoder_of(PatchCodec codec) {
  return decoders[static_cast<std::size_t>(codec)];
}

}  // namespace argosy

#include "common/delta/patch_info.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <zstd.h>

#include "common/base/file.hpp"
#include "common/delta/bsdiff_format.hpp"
#include "common/delta/old_file.hpp"
#include "common/delta/tensor_format.hpp"
#include "common/delta/zstd_from_apply.hpp"

namespace argosy {

namespace {

using FirstBytes = std::array<std::uint8_t, tensor::header_bytes>;

Result<void> check_whole(const PatchInfo& info, std::size_t header_bytes) {
  if (info.patch_bytes >= header_bytes) return {};
  return make_error(Errc::truncated, "the patch ends after " + std::to_string(info.patch_bytes) +
                                         " bytes, inside its header of " + std::to_string(header_bytes));
}

Result<void> describe_bsdiff(PatchInfo& info, const FirstBytes& bytes) {
  ARGOSY_CHECK(check_whole(info, bsdiff::header_bytes));
  ARGOSY_TRY(const auto header,
             bsdiff::decode_header(std::span(bytes).first<bsdiff::header_bytes>(), info.patch_bytes));
  info.new_bytes = header.new_size;
  info.control_bytes = header.control_size;
  info.difference_bytes = header.difference_size;
  info.extra_bytes = info.patch_bytes - bsdiff::header_bytes - header.control_size - header.difference_size;
  return {};
}

Result<void> describe_tensor(PatchInfo& info, const FirstBytes& bytes) {
  ARGOSY_CHECK(check_whole(info, tensor::header_bytes));
  ARGOSY_TRY(const auto header, tensor::decode_header(bytes));
  info.new_bytes = header.new_file.size_bytes;
  info.old_file = header.old_file;
  info.new_file = header.new_file;
  return {};
}

Result<void> describe_zstd(PatchInfo& info, ByteView bytes, std::size_t known) {
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), known);
  if (size == ZSTD_CONTENTSIZE_ERROR && known < bytes.size())
    return make_error(Errc::truncated, "the patch ends after " + std::to_string(known) + " bytes, inside its header");
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
    return make_error(Errc::malformed_patch, "the zstd patch does not say how large its result is");
  info.new_bytes = size;
  return {};
}

}  // namespace

Result<PatchInfo> inspect_patch(int patch_fd) {
  PatchInfo info;
  ARGOSY_TRY(info.patch_bytes, file_size_of(patch_fd));
  FirstBytes bytes{};
  const auto known = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), info.patch_bytes));
  ARGOSY_CHECK(read_exactly_at(patch_fd, 0, std::span(bytes).first(known)));
  ARGOSY_TRY(info.codec, recognise_patch(ByteView(bytes).first(std::min(known, patch_magic_bytes))));
  switch (info.codec) {
    case PatchCodec::bsdiff:
      ARGOSY_CHECK(describe_bsdiff(info, bytes));
      break;
    case PatchCodec::tensor:
      ARGOSY_CHECK(describe_tensor(info, bytes));
      break;
    case PatchCodec::zstd_from:
      ARGOSY_CHECK(check_whole(info, zstd_from_head_bytes));
      ARGOSY_CHECK(describe_zstd(info, ByteView(bytes).subspan(zstd_from_head_bytes), known - zstd_from_head_bytes));
      break;
    case PatchCodec::zstd:
      ARGOSY_CHECK(describe_zstd(info, bytes, known));
      break;
  }
  return info;
}

Result<PatchInfo> inspect_patch(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error("cannot open the patch " + path.string(), errno);
  return inspect_patch(fd.get());
}

}  // namespace argosy

#include "common/delta/zstd_from_apply.hpp"

#include <algorithm>
#include <memory>

#include <zstd.h>

#include "common/crypto/digest.hpp"

namespace argosy {

namespace {

Result<Bytes> read_all(int fd, std::uint64_t size) {
  Bytes content(static_cast<std::size_t>(size));
  ARGOSY_CHECK(read_exactly_at(fd, 0, content));
  return content;
}

Result<void> check_base(ByteView patch, ByteView old) {
  const Digest digest = sha256(old);
  const ByteView wanted = patch.subspan(zstd_from_start.size(), zstd_from_base_bytes);
  if (std::equal(wanted.begin(), wanted.end(), digest.bytes.begin())) return {};
  return make_error(Errc::base_mismatch, "the patch is for another file than the one with digest " + digest.to_hex());
}

}  // namespace

Result<void> apply_zstd_from(int patch_fd, const PatchInfo& info, int old_fd, std::uint64_t old_size,
                             ResultWriter& result) {
  if (info.new_bytes > zstd_from_limit_bytes - std::min(old_size, zstd_from_limit_bytes) ||
      info.patch_bytes > zstd_from_limit_bytes)
    return make_error(Errc::too_large, "a zstd-from patch is for files of together at most " +
                                           std::to_string(zstd_from_limit_bytes) + " bytes");
  ARGOSY_TRY(const Bytes patch, read_all(patch_fd, info.patch_bytes));
  ARGOSY_TRY(const Bytes old, read_all(old_fd, old_size));
  ARGOSY_CHECK(check_base(patch, old));
  const ByteView frame = ByteView(patch).subspan(zstd_from_head_bytes);
  const std::size_t frame_bytes = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(frame_bytes) != 0) return make_error(Errc::truncated, "the patch is cut short or damaged");
  if (frame_bytes != frame.size()) return make_error(Errc::malformed_patch, "the patch goes on behind its end");
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (!context || ZSTD_isError(ZSTD_DCtx_refPrefix(context.get(), old.data(), old.size())) != 0)
    return make_error(Errc::internal, "cannot start the zstd decoder");
  Bytes fresh(static_cast<std::size_t>(info.new_bytes));
  const std::size_t made = ZSTD_decompressDCtx(context.get(), fresh.data(), fresh.size(), frame.data(), frame.size());
  if (ZSTD_isError(made) != 0 || made != fresh.size())
    return make_error(Errc::malformed_patch, "the patch is damaged: zstd cannot unpack it");
  return result.take(fresh);
}

}  // namespace argosy

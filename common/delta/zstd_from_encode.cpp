#include "common/delta/zstd_from_encode.hpp"

#include <memory>

#include <zstd.h>

#include "common/crypto/digest.hpp"
#include "common/delta/zstd_from_apply.hpp"

namespace argosy {

namespace {

constexpr int highest_level = 22;

using Context = std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)>;

Result<Context> context_beside(ByteView old) {
  Context context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  const auto set = [&](ZSTD_cParameter parameter, int value) {
    return ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), parameter, value)) == 0;
  };
  const bool ready = context && set(ZSTD_c_compressionLevel, highest_level) &&
                     set(ZSTD_c_windowLog, zstd_from_window_log) && set(ZSTD_c_checksumFlag, 1) &&
                     ZSTD_isError(ZSTD_CCtx_refPrefix(context.get(), old.data(), old.size())) == 0;
  if (!ready) return make_error(Errc::internal, "cannot start the zstd encoder");
  return context;
}

}  // namespace

Result<Bytes> encode_zstd_from(ByteView old, ByteView fresh) {
  if (!fits_zstd_from(old.size(), fresh.size()))
    return make_error(Errc::too_large, "zstd-from takes at most " + std::to_string(zstd_from_limit_bytes) +
                                           " bytes of both files together, and " +
                                           std::to_string(zstd_from_new_limit_bytes) + " of the new one");
  ARGOSY_TRY(const Context context, context_beside(old));
  const Digest digest = sha256(old);
  Bytes patch(zstd_from_start.begin(), zstd_from_start.end());
  patch.insert(patch.end(), digest.bytes.begin(), digest.bytes.begin() + zstd_from_base_bytes);
  patch.resize(zstd_from_head_bytes + ZSTD_compressBound(fresh.size()));
  const std::size_t packed = ZSTD_compress2(context.get(), patch.data() + zstd_from_head_bytes,
                                            patch.size() - zstd_from_head_bytes, fresh.data(), fresh.size());
  if (ZSTD_isError(packed) != 0)
    return make_error(Errc::internal, std::string("zstd failed: ") + ZSTD_getErrorName(packed));
  patch.resize(zstd_from_head_bytes + packed);
  return patch;
}

}  // namespace argosy

#include "common/compress/zstd_block.hpp"

#include <memory>
#include <new>
#include <string>

#include <zstd.h>

namespace argosy {

namespace {

constexpr int level = 3;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

ZSTD_CCtx* compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  return context.get();
}

ZSTD_DCtx* decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  return context.get();
}

}  // namespace

Bytes compress_block(ByteView bytes) {
  Bytes block(ZSTD_compressBound(bytes.size()));
  const auto size = ZSTD_compressCCtx(compressor(), block.data(), block.size(), bytes.data(), bytes.size(), level);
  if (ZSTD_isError(size) != 0) throw std::bad_alloc();  // the only error of one that has room for the bound
  block.resize(size);
  return block;
}

Result<Bytes> decompress_block(ByteView block, std::size_t limit) {
  const auto size = ZSTD_getFrameContentSize(block.data(), block.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
    return make_error(Errc::corrupt, "not a block of zstd that tells its size");
  if (size > limit)
    return make_error(Errc::corrupt,
                      "the block holds " + std::to_string(size) + " bytes; " + std::to_string(limit) + " are allowed");
  Bytes bytes(size);
  const auto taken = ZSTD_decompressDCtx(decompressor(), bytes.data(), bytes.size(), block.data(), block.size());
  if (ZSTD_isError(taken) != 0)
    return make_error(Errc::corrupt, std::string("zstd cannot read the block: ") + ZSTD_getErrorName(taken));
  if (taken != size) return make_error(Errc::corrupt, "the block is shorter than it says");
  return bytes;
}

}  // namespace argosy

#include "common/delta/zstd_encode.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <zstd.h>

#include "common/base/file.hpp"
#include "common/delta/old_file.hpp"
#include "common/delta/zstd_apply.hpp"

namespace argosy {

namespace {

constexpr int level = 17;  // the highest that keeps about 1 MB/s on a small core
constexpr std::size_t buffer_bytes = 64 * 1024;
constexpr int sample_level = 9;
constexpr std::size_t sample_bytes = 128 * 1024;
constexpr std::uint64_t samples = 32;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
using Compressor = std::unique_ptr<ZSTD_CCtx, FreeCompressor>;

Result<Compressor> make_context(std::uint64_t size) {
  Compressor context(ZSTD_createCCtx());
  const auto set = [&](ZSTD_cParameter parameter, int value) {
    return ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), parameter, value)) == 0;
  };
  const bool ready = context && set(ZSTD_c_compressionLevel, level) && set(ZSTD_c_windowLog, zstd_window_log) &&
                     set(ZSTD_c_checksumFlag, 1) && ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(context.get(), size)) == 0;
  if (!ready) return make_error(Errc::internal, "cannot start the zstd encoder");
  return context;
}

// Compresses one piece of input to the file; the last one ends the frame.
Result<void> compress_piece(ZSTD_CCtx* context, ByteView piece, bool last, int out_fd, Bytes& out) {
  ZSTD_inBuffer input{piece.data(), piece.size(), 0};
  for (bool done = false; !done;) {
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t left = ZSTD_compressStream2(context, &output, &input, last ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left) != 0)
      return make_error(Errc::internal, std::string("zstd failed: ") + ZSTD_getErrorName(left));
    ARGOSY_CHECK(write_all(out_fd, as_text(ByteView(out).first(output.pos))));
    done = last ? left == 0 : input.pos == input.size;
  }
  return {};
}

}  // namespace

Result<void> encode_zstd(const std::filesystem::path& new_path, const std::filesystem::path& patch_path,
                         const PatchProgress& progress) {
  const UniqueFd in(::open(new_path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return errno_error("cannot open the new file " + new_path.string(), errno);
  const UniqueFd out(::open(patch_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!out) return errno_error("cannot create " + patch_path.string(), errno);
  ARGOSY_TRY(const std::uint64_t size, file_size_of(in.get()));
  ARGOSY_TRY(const Compressor context, make_context(size));
  Bytes buffer(buffer_bytes);
  Bytes compressed(buffer_bytes);
  std::uint64_t done = 0;
  do {
    if (progress && !progress(done, size)) return make_error(Errc::cancelled, "making the patch was cancelled");
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - done));
    ARGOSY_CHECK(read_exactly_at(in.get(), done, std::span(buffer).first(count)));
    done += count;
    ARGOSY_CHECK(compress_piece(context.get(), ByteView(buffer).first(count), done == size, out.get(), compressed));
  } while (done < size);
  return {};
}

Result<double> sample_zstd_ratio(const std::filesystem::path& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return errno_error("cannot open " + path.string(), errno);
  ARGOSY_TRY(const std::uint64_t size, file_size_of(file.get()));
  if (size < samples * sample_bytes) return make_error(Errc::invalid_argument, "the file is too short for a sample");
  Bytes plain(sample_bytes);
  Bytes packed(ZSTD_compressBound(sample_bytes));
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < samples; ++i) {
    ARGOSY_CHECK(read_exactly_at(file.get(), (size - sample_bytes) / (samples - 1) * i, plain));
    const std::size_t taken = ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), sample_level);
    if (ZSTD_isError(taken) != 0)
      return make_error(Errc::internal, std::string("zstd failed: ") + ZSTD_getErrorName(taken));
    total += taken;
  }
  return static_cast<double>(total) / static_cast<double>(samples * sample_bytes);
}

}  // namespace argosy

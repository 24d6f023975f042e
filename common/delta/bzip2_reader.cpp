#include "common/delta/bzip2_reader.hpp"

#include <algorithm>
#include <new>

#include <bzlib.h>

#include "common/delta/old_file.hpp"

namespace argosy {

namespace {

constexpr std::size_t input_bytes = 16 * 1024;
constexpr int quiet = 0;
constexpr int small_memory = 1;

}  // namespace

struct Bzip2Reader::Stream {
  bz_stream bz{};
  Stream() {
    if (BZ2_bzDecompressInit(&bz, quiet, small_memory) != BZ_OK) throw std::bad_alloc();
  }
  ~Stream() { BZ2_bzDecompressEnd(&bz); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

Bzip2Reader::Bzip2Reader(int fd, std::uint64_t offset, std::uint64_t size, std::string name)
    : fd_(fd), offset_(offset), left_(size), name_(std::move(name)), stream_(std::make_unique<Stream>()) {}

Bzip2Reader::~Bzip2Reader() = default;

Error Bzip2Reader::problem(std::string_view what) const {
  return make_error(Errc::malformed_patch, "the patch's " + name_ + " stream " + std::string(what));
}

Result<void> Bzip2Reader::refill() {
  if (left_ == 0) return make_error(Errc::truncated, "the patch's " + name_ + " stream is cut short");
  input_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(input_bytes, left_)));
  ARGOSY_CHECK(read_exactly_at(fd_, offset_, input_));
  offset_ += input_.size();
  left_ -= input_.size();
  stream_->bz.next_in = reinterpret_cast<char*>(input_.data());
  stream_->bz.avail_in = static_cast<unsigned>(input_.size());
  return {};
}

// At least one byte of output, or none at the stream's end.
Result<std::size_t> Bzip2Reader::read_some(std::span<std::uint8_t> out) {
  bz_stream& bz = stream_->bz;
  bz.next_out = reinterpret_cast<char*>(out.data());
  bz.avail_out = static_cast<unsigned>(out.size());
  while (!ended_ && bz.avail_out == out.size()) {
    const int code = BZ2_bzDecompress(&bz);
    if (code == BZ_MEM_ERROR) return make_error(Errc::internal, "no memory to decompress the patch");
    if (code != BZ_OK && code != BZ_STREAM_END) return problem("is damaged");
    ended_ = code == BZ_STREAM_END;
    if (!ended_ && bz.avail_out == out.size() && bz.avail_in == 0) ARGOSY_CHECK(refill());
  }
  return out.size() - bz.avail_out;
}

Result<void> Bzip2Reader::read(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    ARGOSY_TRY(const std::size_t got, read_some(out));
    if (got == 0) return problem("holds too few bytes");
    out = out.subspan(got);
  }
  return {};
}

Result<void> Bzip2Reader::expect_end() {
  std::uint8_t extra = 0;
  ARGOSY_TRY(const std::size_t got, read_some(std::span(&extra, 1)));
  if (got != 0) return problem("holds more bytes than its steps use");
  if (left_ != 0 || stream_->bz.avail_in != 0) return problem("is followed by other bytes");
  return {};
}

}  // namespace argosy

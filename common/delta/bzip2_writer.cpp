#include "common/delta/bzip2_writer.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>

#include <bzlib.h>

namespace argosy {

namespace {

constexpr int quiet = 0;
constexpr int default_effort = 0;
constexpr std::size_t piece_bytes = 1 << 20;  // bz_stream counts in unsigned

}  // namespace

struct Bzip2Writer::Stream {
  bz_stream bz{};
  explicit Stream(int block) {
    if (BZ2_bzCompressInit(&bz, block, quiet, default_effort) != BZ_OK) throw std::bad_alloc();
  }
  ~Stream() { BZ2_bzCompressEnd(&bz); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

Bzip2Writer::Bzip2Writer(int block) : stream_(std::make_unique<Stream>(block)) {}
Bzip2Writer::~Bzip2Writer() = default;

// Runs the compressor until it has taken all input (BZ_RUN) or has ended the stream (BZ_FINISH).
void Bzip2Writer::push(int action) {
  bz_stream& bz = stream_->bz;
  std::array<char, 16384> out;
  for (;;) {
    bz.next_out = out.data();
    bz.avail_out = out.size();
    const int code = BZ2_bzCompress(&bz, action);
    if (code < 0) throw std::logic_error("libbz2 was used in a wrong order");
    compressed_.insert(compressed_.end(), out.data(), out.data() + (out.size() - bz.avail_out));
    if (action == BZ_FINISH ? code == BZ_STREAM_END : bz.avail_in == 0) return;
  }
}

void Bzip2Writer::write(ByteView data) {
  while (!data.empty()) {
    const ByteView piece = data.first(std::min(piece_bytes, data.size()));
    stream_->bz.next_in = const_cast<char*>(reinterpret_cast<const char*>(piece.data()));
    stream_->bz.avail_in = static_cast<unsigned>(piece.size());
    push(BZ_RUN);
    data = data.subspan(piece.size());
  }
}

Bytes Bzip2Writer::finish() {
  push(BZ_FINISH);
  return std::move(compressed_);
}

}  // namespace argosy

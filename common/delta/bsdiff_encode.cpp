#include "common/delta/bsdiff_encode.hpp"

#include <algorithm>

#include "common/delta/bsdiff_format.hpp"
#include "common/delta/byte_matcher.hpp"
#include "common/delta/bzip2_writer.hpp"

namespace argosy {

namespace {

// bzip2's blocks, in 100 kB: what a device needs to read the streams stays under 3 MiB, for 1 % of size at most.
constexpr int control_block = 2;
constexpr int content_block = 3;

// The three streams of a BSDIFF40 file, from the steps.
class StreamWriter {
 public:
  StreamWriter(ByteView old, ByteView fresh) : old_(old), new_(fresh) {}

  void write(const MatchStep& step) {
    const auto at = [](std::int64_t position) { return static_cast<std::size_t>(position); };
    write_difference(new_.subspan(at(step.fresh), at(step.alike)), step.alike == 0 ? 0 : at(step.old));
    extra_.write(new_.subspan(at(step.fresh + step.alike), at(step.rest)));
    control_.write(bsdiff::encode(bsdiff::Control{step.alike, step.rest, step.next_old - (step.old + step.alike)}));
  }

  Bytes assemble() {
    const Bytes control = control_.finish();
    const Bytes difference = difference_.finish();
    const Bytes extra = extra_.finish();
    const auto header = bsdiff::encode(bsdiff::Header{control.size(), difference.size(), new_.size()});
    Bytes patch(header.begin(), header.end());
    patch.reserve(header.size() + control.size() + difference.size() + extra.size());
    for (const Bytes* part : {&control, &difference, &extra}) patch.insert(patch.end(), part->begin(), part->end());
    return patch;
  }

 private:
  void write_difference(ByteView fresh, std::size_t old_position) {
    const auto old = old_.subspan(old_position, fresh.size());
    difference_buffer_.resize(fresh.size());
    std::transform(fresh.begin(), fresh.end(), old.begin(), difference_buffer_.begin(),
                   [](std::uint8_t a, std::uint8_t b) { return static_cast<std::uint8_t>(a - b); });
    difference_.write(difference_buffer_);
  }

  ByteView old_;
  ByteView new_;
  Bzip2Writer control_{control_block};
  Bzip2Writer difference_{content_block};
  Bzip2Writer extra_{content_block};
  Bytes difference_buffer_;
};

}  // namespace

std::uint64_t bsdiff_memory_bytes(std::uint64_t old_size, std::uint64_t new_size) {
  return 5 * old_size + 2 * new_size + (25ULL << 20);
}

Result<void> check_bsdiff_fits(std::uint64_t old_size, std::uint64_t new_size, const EncodeLimits& limits) {
  constexpr auto mib = [](std::uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; };
  if (old_size > max_indexed_bytes || new_size > max_indexed_bytes)
    return make_error(Errc::too_large,
                      "bsdiff takes files up to 2 GiB, these have " + mib(old_size) + " and " + mib(new_size));
  const std::uint64_t needed = bsdiff_memory_bytes(old_size, new_size);
  if (needed <= limits.max_memory_bytes) return {};
  return make_error(Errc::too_large, "bsdiff would take " + mib(needed) + " of memory for files of " + mib(old_size) +
                                         " and " + mib(new_size) + ", and the limit is " +
                                         mib(limits.max_memory_bytes) + "; raise it or send the file whole");
}

Result<Bytes> encode_bsdiff(ByteView old, ByteView fresh, const EncodeLimits& limits, const PatchProgress& progress) {
  ARGOSY_CHECK(check_bsdiff_fits(old.size(), fresh.size(), limits));
  if (progress && !progress(0, fresh.size())) return make_error(Errc::cancelled, "making the patch was cancelled");
  ARGOSY_TRY(const auto index, OldIndex::build(old));
  StreamWriter streams(old, fresh);
  ARGOSY_CHECK(match_bytes(
      old, fresh, index, 1, [&](const MatchStep& step) { streams.write(step); }, progress));
  return streams.assemble();
}

}  // namespace argosy

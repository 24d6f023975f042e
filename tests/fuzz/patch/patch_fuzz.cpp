// The fuzz target of the patch decoder, in libFuzzer's form. Each input is tried three times: as a patch file; as the
// plain content of a BSDIFF40 patch, which is compressed first, because no mutation gets past bzip2's check sums; and,
// with what a tensor patch's header checks made good, as one of those.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/file.hpp"
#include "common/delta/bsdiff_format.hpp"
#include "common/delta/bzip2_writer.hpp"
#include "common/delta/patch_apply.hpp"
#include "common/delta/patch_info.hpp"
#include "common/delta/patch_stream.hpp"
#include "common/delta/tensor_format.hpp"
#include "tests/fuzz/patch/patch_seeds.hpp"

using namespace argosy;

namespace {

constexpr std::uint64_t largest_result = 1 << 20;

void require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what.c_str());
  std::abort();
}

UniqueFd memory_file(ByteView content) {
  UniqueFd fd(::memfd_create("argosy-fuzz", MFD_CLOEXEC));
  require(bool(fd) && bool(write_all(fd.get(), as_text(content))), "a file in memory");
  return fd;
}

std::string path_of(const UniqueFd& fd) {
  return "/proc/self/fd/" + std::to_string(fd.get());
}

const UniqueFd& old_file() {
  static const UniqueFd file = memory_file(fuzzed_old_content());
  return file;
}

// Errors that a patch may cause; others would be faults of ours.
bool is_verdict(Errc code) {
  return code == Errc::truncated || code == Errc::malformed_patch || code == Errc::too_large ||
         code == Errc::base_mismatch;
}

void try_patch(ByteView patch) {
  const UniqueFd file = memory_file(patch);
  std::uint64_t sunk = 0;
  const PatchSink sink = [&](ByteView data) -> Result<void> {
    sunk += data.size();
    require(sunk <= largest_result, "no more bytes than the limit");
    return {};
  };
  const auto info = inspect_patch(file.get());
  ApplyRequest request;
  request.old_path = path_of(old_file());
  request.patch_path = path_of(file);
  request.max_result_bytes = largest_result;
  const auto applied = apply_patch(request, sink);
  require(applied || is_verdict(applied.error().code), "an error that speaks of the patch");
  require(!applied || (info && applied->result.size_bytes == info->new_bytes), "a result of the announced size");
  require(!info || sunk <= info->new_bytes, "no more bytes than announced");
}

// Applied while it arrives, in pieces that the patch itself decides.
void try_stream(ByteView patch) {
  if (patch.size() < tensor::header_bytes) return;
  const auto header = tensor::decode_header(patch.first<tensor::header_bytes>());
  if (!header || header->new_file.size_bytes > largest_result) return;
  std::uint64_t sunk = 0;
  PatchStream stream({old_file().get(), header->old_file, header->new_file, patch.size()},
                     [&](ByteView made, const PatchPosition& end) -> Result<void> {
                       sunk += made.size();
                       require(end.result_bytes == sunk && sunk <= header->new_file.size_bytes, "chunks in a row");
                       return {};
                     });
  for (ByteView rest = patch; !rest.empty();) {
    const ByteView piece = rest.first(std::min<std::size_t>(rest.size(), 1 + rest[0] * 7U));
    rest = rest.subspan(piece.size());
    const auto pushed = stream.push(piece);
    if (!pushed) return require(is_verdict(pushed.error().code), "an error that speaks of the patch");
  }
  require(stream.complete() && sunk == header->new_file.size_bytes, "a result of the announced size");
}

Bytes compressed(ByteView plain) {
  Bzip2Writer writer(1);
  writer.write(plain);
  return writer.finish();
}

// Two bytes of result size, then steps of three signed 16-bit numbers up to one of all zeros, then one half difference
// and one half extra.
Bytes patch_from_plain(ByteView plain) {
  const auto take = [&]() -> std::int64_t {
    if (plain.size() < 2) return 0;
    const auto value = static_cast<std::int16_t>(plain[0] | plain[1] << 8);
    plain = plain.subspan(2);
    return value;
  };
  bsdiff::Header header{0, 0, static_cast<std::uint64_t>(take() & 0xffff)};
  Bytes steps;
  for (;;) {
    const std::int64_t add = take();
    const std::int64_t copy = take();
    const std::int64_t seek = take();
    if (add == 0 && copy == 0 && seek == 0) break;
    const auto bytes = bsdiff::encode(bsdiff::Control{add, copy, seek});
    steps.insert(steps.end(), bytes.begin(), bytes.end());
  }
  const Bytes streams[] = {compressed(steps), compressed(plain.first(plain.size() / 2)),
                           compressed(plain.subspan(plain.size() / 2))};
  header.control_size = streams[0].size();
  header.difference_size = streams[1].size();
  const auto head = bsdiff::encode(header);
  Bytes patch(head.begin(), head.end());
  for (const Bytes& stream : streams) patch.insert(patch.end(), stream.begin(), stream.end());
  return patch;
}

// The header with the digest of the file that is there and the check of the tables that follow.
Bytes with_good_header(ByteView input) {
  Bytes patch(input.begin(), input.end());
  if (patch.size() < tensor::header_bytes) return patch;
  const auto bytes = std::span(patch).first<tensor::header_bytes>();
  auto header = tensor::decode_header(bytes);
  if (!header) return patch;
  static const FileDigest old = measure_file(path_of(old_file())).value();
  header->old_file = old;
  const auto tables = std::span(patch).subspan(tensor::header_bytes);
  header->tables_crc = tensor::crc32_of(tables.first(std::min<std::size_t>(tables.size(), header->packed_tables)));
  const auto good = tensor::encode(*header);
  std::copy(good.begin(), good.end(), patch.begin());
  return patch;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, std::min<std::size_t>(size, 64 * 1024));
  try_patch(input);
  try_patch(patch_from_plain(input));
  const Bytes repaired = with_good_header(input);
  try_patch(repaired);
  try_stream(repaired);
  return 0;
}

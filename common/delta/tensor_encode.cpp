#include "common/delta/tensor_encode.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

#include "common/base/file.hpp"
#include "common/base/mapped_file.hpp"
#include "common/delta/number_coder.hpp"
#include "common/delta/piece_choice.hpp"
#include "common/delta/rans_encoder.hpp"
#include "common/delta/tensor_format.hpp"

namespace argosy {

namespace {

using residual::Mode;
using tensor::Piece;
using tensor::Source;

// Keeps a chunk's description within what the decoder takes.
constexpr std::size_t max_chunk_pieces = 16 * 1024;
// Of larger files text is a small part, and to pack all of it thoroughly would take longer than all the rest.
constexpr std::uint64_t largest_thorough = 32ULL << 20;

tensor::Effort effort_for(ByteView fresh) {
  return fresh.size() <= largest_thorough ? tensor::Effort::thorough : tensor::Effort::quick;
}

struct PlannedChunk {
  std::uint64_t offset = 0;  // in the new file
  std::uint32_t bytes = 0;
  std::vector<Piece> pieces;
  tensor::Reference reference;
};

Bytes literals_of(ByteView fresh, const PlannedChunk& chunk) {
  Bytes literals;
  std::uint64_t offset = chunk.offset;
  for (const Piece& piece : chunk.pieces) {
    const ByteView now = fresh.subspan(static_cast<std::size_t>(offset), piece.bytes);
    if (piece.source == Source::literal) literals.insert(literals.end(), now.begin(), now.end());
    offset += piece.bytes;
  }
  return literals;
}

ByteView referred(ByteView old, const tensor::Reference& reference) {
  return old.subspan(static_cast<std::size_t>(reference.offset), reference.bytes);
}

// Calls sink(piece, old, fresh) for the pieces that are coded as numbers.
template <class Sink>
void for_each_number_piece(ByteView old, ByteView fresh, const PlannedChunk& chunk, Sink&& sink) {
  std::uint64_t offset = chunk.offset;
  Bytes scratch;
  for (const Piece& piece : chunk.pieces) {
    const ByteView now = fresh.subspan(static_cast<std::size_t>(offset), piece.bytes);
    offset += piece.bytes;
    if (piece.source == Source::steps)
      sink(piece, Mode::counts, ByteView(), tensor::coded_numbers(old, piece, now, scratch));
    if (piece.source == Source::delta) sink(piece, Mode::delta, tensor::old_numbers(old, piece, scratch), now);
    if (piece.source == Source::intra) sink(piece, Mode::intra, ByteView(), now);
    if (piece.source == Source::serial) sink(piece, Mode::serial, ByteView(), now);
  }
}

// Bytes that go on as the piece before need no piece of their own.
void append(PlannedChunk& chunk, Piece piece) {
  chunk.bytes += piece.bytes;
  if (!chunk.pieces.empty()) {
    Piece& last = chunk.pieces.back();
    const bool goes_on = last.source == piece.source &&
                         (piece.source == Source::literal ||
                          (piece.source == Source::copy && last.old_offset + last.bytes == piece.old_offset));
    if (goes_on) {
      last.bytes += piece.bytes;
      return;
    }
  }
  chunk.pieces.push_back(std::move(piece));
}

// What is no tensor (names, offsets, graphs) may pack better as text that refers to the old file's than piece by piece.
class TextChoice {
 public:
  TextChoice(ByteView old, ByteView fresh) : old_(old), fresh_(fresh) {}

  PlannedChunk better_of(PlannedChunk pieces) {
    PlannedChunk text = as_text(pieces);
    if (text.pieces.size() == pieces.pieces.size() || textual_bytes(pieces) < shortest_text) return pieces;
    return cost(text) < cost(pieces) ? text : pieces;
  }

 private:
  static constexpr std::uint32_t short_copy = 64;      // bytes
  static constexpr std::uint32_t longest_text = 1024;  // what is longer has statistics of its own
  static constexpr std::uint32_t shortest_text = 64;   // bytes in all, for which it is worth the time
  static constexpr double bits_per_table_use = 2.0;    // of a symbol among few, for its share of a table

  static bool is_textual(const Piece& piece) {
    return piece.source == Source::literal || (piece.source == Source::copy && piece.bytes < short_copy) ||
           (piece.source != Source::copy && piece.element == Element::byte && piece.bytes <= longest_text);
  }

  static std::uint32_t textual_bytes(const PlannedChunk& chunk) {
    std::uint32_t bytes = 0;
    for (const Piece& piece : chunk.pieces) bytes += is_textual(piece) ? piece.bytes : 0;
    return bytes;
  }

  PlannedChunk as_text(const PlannedChunk& chunk) const {
    PlannedChunk text;
    text.offset = chunk.offset;
    std::optional<std::uint64_t> near;
    for (const Piece& piece : chunk.pieces) {
      if (!near && (piece.source == Source::copy || piece.source == Source::delta)) near = piece.old_offset;
      append(text, is_textual(piece) ? tensor::make_piece(Source::literal, piece.bytes) : piece);
    }
    const std::uint64_t start = near.value_or(chunk.offset);
    const std::uint64_t from =
        std::min<std::uint64_t>(start - std::min<std::uint64_t>(start, tensor::max_chunk_bytes / 2), old_.size());
    text.reference = {
        from, static_cast<std::uint32_t>(std::min<std::uint64_t>(tensor::max_reference_bytes, old_.size() - from))};
    return text;
  }

  // Bits for all but the numbers that both ways code alike.
  double cost(const PlannedChunk& chunk) {
    const Bytes description = tensor::encode_description(chunk.pieces, literals_of(fresh_, chunk));
    double bits = 8.0 * static_cast<double>(std::min(
                            description.size(),
                            tensor::pack(description, referred(old_, chunk.reference), effort_for(fresh_)).size()));
    for_each_number_piece(old_, fresh_, chunk, [&](const Piece& piece, Mode mode, ByteView old, ByteView now) {
      if (is_textual(piece))
        bits += trial_.bits(piece.element, mode, old, now) + bits_per_table_use * static_cast<double>(now.size());
    });
    return bits;
  }

  ByteView old_;
  ByteView fresh_;
  tensor::Trial trial_;
};

// Cuts the regions into chunks and their pieces.
class Planner {
 public:
  Planner(ByteView old, ByteView fresh, const PatchProgress& progress)
      : size_(fresh.size()), chooser_(old, fresh), texts_(old, fresh), progress_(progress) {}

  Result<std::vector<PlannedChunk>> plan(const std::vector<tensor::Region>& regions) {
    for (const tensor::Region& region : regions)
      for (const tensor::Region& part : chooser_.guess(region)) ARGOSY_CHECK(add(part));
    close_chunk();
    return std::move(chunks_);
  }

 private:
  Result<void> add(const tensor::Region& region) {
    const std::uint64_t end = region.offset + region.bytes;
    const std::size_t width = width_of(region.element);
    for (std::uint64_t offset = region.offset; offset < end;) {
      std::uint64_t room = tensor::max_chunk_bytes - chunk_.bytes;
      if (end - offset > room) room = room / width * width;
      if (room == 0 || chunk_.pieces.size() == max_chunk_pieces) {
        close_chunk();
        continue;
      }
      Piece piece = chooser_.choose(region, offset, static_cast<std::uint32_t>(std::min(room, end - offset)));
      if (chunk_.bytes == 0) chunk_.offset = offset;
      offset += piece.bytes;
      append(chunk_, std::move(piece));
      if (progress_ && !progress_(offset / 2, size_))
        return make_error(Errc::cancelled, "making the patch was cancelled");
    }
    return {};
  }

  void close_chunk() {
    if (chunk_.bytes == 0) return;
    chunks_.push_back(texts_.better_of(std::exchange(chunk_, {})));
  }

  std::uint64_t size_;
  tensor::PieceChooser chooser_;
  TextChoice texts_;
  const PatchProgress& progress_;
  PlannedChunk chunk_;
  std::vector<PlannedChunk> chunks_;
};

class ChunkCoder {
 public:
  ChunkCoder(ByteView old, ByteView fresh, const tensor::Models& models) : old_(old), fresh_(fresh), models_(models) {
    for (const rans::Frequencies& table : models.tables) tables_.emplace_back(table);
  }

  Bytes code(const PlannedChunk& chunk) {
    const ByteView result = fresh_.subspan(static_cast<std::size_t>(chunk.offset), chunk.bytes);
    Bytes payload = payload_of(chunk);
    if (payload.size() > result.size() + tensor::chunk_header_bytes) {
      const Piece all = tensor::make_piece(Source::literal, chunk.bytes);
      payload = tensor::encode_payload(tensor::encode_description(std::span(&all, 1), result), {}, {}, {}, {},
                                       effort_for(fresh_));
    }
    const auto header = tensor::encode(
        tensor::ChunkHeader{chunk.bytes, static_cast<std::uint32_t>(payload.size()), tensor::crc32_of(result)});
    payload.insert(payload.begin(), header.begin(), header.end());
    return payload;
  }

 private:
  Bytes payload_of(const PlannedChunk& chunk) {
    tensor::NumberCoder numbers;
    for_each_number_piece(old_, fresh_, chunk, [&](const Piece& piece, Mode mode, ByteView old, ByteView now) {
      numbers.code(piece.element, mode, old, now,
                   [&](std::size_t family, int context, const residual::Coded& coded, std::size_t lane) {
                     symbols_.note(models_.table_of[family][static_cast<std::size_t>(context)], coded.symbol, lane);
                     raw_.put(coded.raw, coded.raw_bits);
                   });
    });
    const Bytes description = tensor::encode_description(chunk.pieces, literals_of(fresh_, chunk));
    return tensor::encode_payload(description, chunk.reference, referred(old_, chunk.reference), raw_.finish(),
                                  symbols_.finish(tables_), effort_for(fresh_));
  }

  ByteView old_;
  ByteView fresh_;
  const tensor::Models& models_;
  std::vector<rans::EncodingTable> tables_;
  rans::Encoder symbols_;
  rans::BitWriter raw_;
};

tensor::Models count(ByteView old, ByteView fresh, const std::vector<PlannedChunk>& chunks) {
  tensor::Statistics statistics;
  for (const PlannedChunk& chunk : chunks) {
    tensor::NumberCoder numbers;
    for_each_number_piece(old, fresh, chunk, [&](const Piece& piece, Mode mode, ByteView before, ByteView now) {
      numbers.code(piece.element, mode, before, now,
                   [&](std::size_t family, int context, const residual::Coded& coded, std::size_t) {
                     statistics.add(family, context, coded.symbol);
                   });
    });
  }
  return statistics.models();
}

Result<void> write_patch(int fd, ByteView old, ByteView fresh, const std::vector<PlannedChunk>& chunks,
                         const PatchProgress& progress) {
  const tensor::Models models = count(old, fresh, chunks);
  const Bytes tables = tensor::encode(models);
  const Bytes packed = tensor::pack(tables);
  const auto header = tensor::encode(tensor::Header{{sha256(old), old.size()},
                                                    {sha256(fresh), fresh.size()},
                                                    static_cast<std::uint32_t>(packed.size()),
                                                    static_cast<std::uint32_t>(tables.size()),
                                                    tensor::crc32_of(packed)});
  ARGOSY_CHECK(write_all(fd, as_text(header)));
  ARGOSY_CHECK(write_all(fd, as_text(packed)));
  ChunkCoder coder(old, fresh, models);
  for (const PlannedChunk& chunk : chunks) {
    ARGOSY_CHECK(write_all(fd, as_text(coder.code(chunk))));
    if (progress && !progress((fresh.size() + chunk.offset + chunk.bytes) / 2, fresh.size()))
      return make_error(Errc::cancelled, "making the patch was cancelled");
  }
  return {};
}

}  // namespace

Result<void> encode_tensor(const std::filesystem::path& old_path, const std::filesystem::path& new_path,
                           const std::filesystem::path& patch_path, const EncodeLimits& limits,
                           const PatchProgress& progress) {
  ARGOSY_TRY(const MappedFile old, MappedFile::open(old_path));
  ARGOSY_TRY(const MappedFile fresh, MappedFile::open(new_path));
  ARGOSY_TRY(const auto regions, tensor::align(old.bytes(), fresh.bytes(), limits.max_memory_bytes, progress));
  ARGOSY_TRY(const auto chunks, Planner(old.bytes(), fresh.bytes(), progress).plan(regions));
  const UniqueFd fd(::open(patch_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return errno_error("cannot create " + patch_path.string(), errno);
  auto written = write_patch(fd.get(), old.bytes(), fresh.bytes(), chunks, progress);
  if (!written) return std::move(written).error().within(patch_path.string());
  return {};
}

}  // namespace argosy

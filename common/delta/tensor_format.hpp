// The bytes of a tensor patch. Pure, and bounded: every length is checked before memory is taken for it.
//
//   header   magic, old size and digest, new size and digest, sizes and CRC-32 of the tables block
//   tables   zstd: how the contexts of each family of numbers share frequency tables, and the tables
//   chunk    sizes, CRC-32 of the result's bytes; then the payload: pieces (zstd or plain), raw bits, rANS stream
//   ...      until the new size is reached
//
// A chunk makes at most 256 KiB of the result, needs no other chunk, and is checked before it is written.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/crypto/digest.hpp"
#include "common/delta/rans.hpp"
#include "common/delta/residual.hpp"

namespace argosy::tensor {

constexpr std::string_view magic = "ARGOSYT2";
constexpr std::size_t header_bytes = 8 + 2 * (8 + 32) + 3 * 4;
constexpr std::size_t chunk_header_bytes = 12;
constexpr std::size_t max_chunk_bytes = 256 * 1024;
constexpr std::size_t max_payload_bytes = 2 * max_chunk_bytes;
constexpr std::size_t max_tables = 128;
constexpr std::size_t max_tables_bytes = 256 * 1024;
constexpr std::size_t max_reference_bytes = 2 * max_chunk_bytes;
constexpr std::size_t max_pieces = 64 * 1024;
constexpr std::size_t max_factors = 64 * 1024;

struct Header {
  FileDigest old_file;
  FileDigest new_file;
  std::uint32_t packed_tables = 0;  // bytes
  std::uint32_t tables = 0;         // bytes, unpacked
  std::uint32_t tables_crc = 0;
};
std::array<std::uint8_t, header_bytes> encode(const Header& header);
// Errc::malformed_patch for another magic or impossible sizes.
Result<Header> decode_header(std::span<const std::uint8_t, header_bytes> bytes);

struct ChunkHeader {
  std::uint32_t result_bytes = 0;
  std::uint32_t payload_bytes = 0;
  std::uint32_t result_crc = 0;
};
std::array<std::uint8_t, chunk_header_bytes> encode(const ChunkHeader& header);
// Errc::malformed_patch when it makes nothing, too much, or more than `left` bytes.
Result<ChunkHeader> decode_chunk_header(std::span<const std::uint8_t, chunk_header_bytes> bytes, std::uint64_t left);

// Which table a context uses, and the tables.
struct Models {
  static constexpr std::uint8_t none = 255;
  using Row = std::array<std::uint8_t, residual::contexts>;
  std::array<Row, residual::families> table_of;  // `none` where nothing was coded
  std::vector<rans::Frequencies> tables;

  Models() {
    for (Row& row : table_of) row.fill(none);
  }
};
Bytes encode(const Models& models);
Result<Models> decode_models(ByteView bytes);

enum class Source : std::uint8_t {
  literal = 0,  // bytes that come with the pieces
  copy = 1,     // bytes of the old file as they are
  delta = 2,    // numbers coded against those of the old file
  intra = 3,    // numbers coded by themselves
  serial = 4,   // numbers coded against the one before; the first of a piece against 0
  steps = 5,    // floats of the old file that moved by coded counts of their rows' steps
};

// Old numbers are multiplied by one factor a row before they are compared: tensors whose scale has changed. The factor
// of number i is factors[((phase + i) / inner) % factors.size()]. Steps are laid out alike, see steps.hpp.
struct Scaling {
  std::uint32_t inner = 1;
  std::uint32_t phase = 0;
  std::vector<std::uint16_t> factors;  // in 1/16384; of Source::steps: steps
};
constexpr int factor_bits = 14;

// A stretch of a chunk's result. Pieces follow each other without gaps.
struct Piece {
  Source source = Source::literal;
  Element element = Element::byte;
  std::uint32_t bytes = 0;
  std::uint64_t old_offset = 0;  // of copy, delta and steps
  Scaling scaling;               // of steps, and of delta; no factors: as it is
};

inline Piece make_piece(Source source, std::uint32_t bytes, Element element = Element::byte,
                        std::uint64_t old_offset = 0) {
  return {source, element, bytes, old_offset, {}};
}

// Bytes of the old file that zstd may refer to when it packs a chunk's description.
struct Reference {
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
};

// Of zstd, for the small parts of a patch. With a reference, `thorough` takes 50 ms even for a few bytes.
enum class Effort : std::uint8_t { quick, thorough };

// The parts of a payload: a few lengths, then the description (pieces, then the literals of all of them), packed when
// that is smaller, then raw bits and symbols.
struct Payload {
  Reference reference;
  std::uint64_t unpacked_bytes = 0;  // 0: the description is plain
  ByteView description;
  ByteView raw_bits;
  ByteView symbols;
};
Bytes encode_payload(ByteView description, const Reference& reference, ByteView referred, ByteView raw_bits,
                     ByteView symbols, Effort effort);
// Errc::malformed_patch when the parts do not fit, or the reference lies outside of the old file.
Result<Payload> decode_payload(ByteView bytes, std::uint64_t old_size);

struct Description {
  std::vector<Piece> pieces;
  ByteView literals;
};
Bytes encode_description(std::span<const Piece> pieces, ByteView literals);
// Every piece lies inside the chunk and the old file, and together they make `result_bytes`. `bytes` must outlive it.
Result<Description> decode_description(ByteView bytes, std::uint32_t result_bytes, std::uint64_t old_size);

// zstd, for the small parts of a patch; both sides know `reference`. Errc::malformed_patch when it does not unpack to
// exactly `size` bytes.
Bytes pack(ByteView plain, ByteView reference = {}, Effort effort = Effort::thorough);
Result<Bytes> unpack(ByteView packed, std::size_t size, ByteView reference = {});

std::uint32_t crc32_of(ByteView bytes);

// Errc::malformed_patch: "the patch is damaged: …".
Error damaged(std::string_view what);

}  // namespace argosy::tensor

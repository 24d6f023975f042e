#include "common/delta/tensor_format.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>

#include <zlib.h>
#include <zstd.h>

#include "common/delta/steps.hpp"

namespace argosy::tensor {

namespace {

constexpr int pack_level = 19;
constexpr int quick_pack_level = 6;
constexpr std::size_t longest_unseen = 32 * 1024;  // bytes
constexpr int pack_window_log = 21;                // covers a reference and a description
constexpr std::uint64_t max_described_bytes = 4 * max_chunk_bytes;

template <class T>
std::uint8_t* put(std::uint8_t* out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) *out++ = static_cast<std::uint8_t>(value >> (8 * i));
  return out;
}
std::uint8_t* put(std::uint8_t* out, const Digest& digest) {
  return std::copy(digest.bytes.begin(), digest.bytes.end(), out);
}

void put_number(Bytes& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}
constexpr std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
}

// Reads on after a fault as zeros; whoever reads asks at the end.
class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  template <class T>
  T fixed() {
    const ByteView from = take(sizeof(T));
    T value = 0;
    for (std::size_t i = 0; i < from.size(); ++i) value |= static_cast<T>(T{from[i]} << (8 * i));
    return value;
  }
  std::uint64_t number(std::uint64_t limit) {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = fixed<std::uint8_t>();
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80) == 0) return value <= limit ? value : fail();
    }
    return fail();
  }
  ByteView take(std::uint64_t count) {
    if (count > bytes_.size()) {
      fail();
      return {};
    }
    const ByteView taken = bytes_.first(static_cast<std::size_t>(count));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  Digest digest() {
    Digest digest;
    const ByteView from = take(digest.bytes.size());
    std::copy(from.begin(), from.end(), digest.bytes.begin());
    return digest;
  }
  ByteView rest() const { return bytes_; }
  bool failed() const { return failed_; }

 private:
  std::uint64_t fail() {
    failed_ = true;
    bytes_ = {};
    return 0;
  }
  ByteView bytes_;
  bool failed_ = false;
};

// What a piece says beyond its length, in one byte.
constexpr int element_shift = 3;
constexpr int scaled_shift = 7;
static_assert(element_kinds <= 16);

bool has_old(Source source) {
  return source == Source::copy || source == Source::delta || source == Source::steps;
}

void put_piece(Bytes& out, const Piece& piece, std::uint64_t& expected_old) {
  const bool scaled = !piece.scaling.factors.empty();
  out.push_back(static_cast<std::uint8_t>(static_cast<int>(piece.source) |
                                          static_cast<int>(piece.element) << element_shift |
                                          (scaled ? 1 : 0) << scaled_shift));
  put_number(out, piece.bytes);
  if (!has_old(piece.source)) return;
  put_number(out, zigzag(static_cast<std::int64_t>(piece.old_offset - expected_old)));
  expected_old = piece.old_offset + piece.bytes;
  if (!scaled) return;
  put_number(out, piece.scaling.inner);
  put_number(out, piece.scaling.phase);
  put_number(out, piece.scaling.factors.size());
  for (const std::uint16_t factor : piece.scaling.factors) {
    out.push_back(static_cast<std::uint8_t>(factor));
    out.push_back(static_cast<std::uint8_t>(factor >> 8));
  }
}

Scaling read_scaling(Reader& in) {
  Scaling scaling;
  scaling.inner =
      std::max<std::uint32_t>(1, static_cast<std::uint32_t>(in.number(std::numeric_limits<std::uint32_t>::max())));
  scaling.phase = static_cast<std::uint32_t>(in.number(std::numeric_limits<std::uint32_t>::max()));
  const auto count = in.number(max_factors);
  if (count * 2 > in.rest().size()) {
    in.take(count * 2);
    return scaling;
  }
  scaling.factors.resize(static_cast<std::size_t>(count));
  for (std::uint16_t& factor : scaling.factors) factor = in.fixed<std::uint16_t>();
  return scaling;
}

Result<Piece> read_piece(Reader& in, std::uint64_t& expected_old, std::uint64_t old_size) {
  Piece piece;
  const auto tag = in.fixed<std::uint8_t>();
  const unsigned element = tag >> element_shift & 15U;
  piece.source = static_cast<Source>(tag & 7U);
  if (element >= element_kinds || piece.source > Source::steps) return damaged("a piece of no known kind");
  piece.element = static_cast<Element>(element);
  piece.bytes = static_cast<std::uint32_t>(in.number(max_chunk_bytes));
  if (piece.bytes % width_of(piece.element) != 0) return damaged("a piece that ends inside of a number");
  if (is_block(piece.element) && piece.source == Source::serial) return damaged("a piece of no known kind");
  if (piece.source == Source::steps && !can_have_steps(piece.element)) return damaged("a piece of no known kind");
  if (!has_old(piece.source)) return piece;
  piece.old_offset =
      expected_old + static_cast<std::uint64_t>(unzigzag(in.number(std::numeric_limits<std::uint64_t>::max())));
  if (piece.old_offset > old_size || old_size - piece.old_offset < piece.bytes)
    return damaged("a piece reads outside of the old file");
  expected_old = piece.old_offset + piece.bytes;
  if ((tag >> scaled_shift & 1) == 0) {
    if (piece.source == Source::steps) return damaged("a piece without its steps");
    return piece;
  }
  piece.scaling = read_scaling(in);
  if (piece.source == Source::steps) {
    const auto& steps = piece.scaling.factors;
    if (steps.empty() || !std::all_of(steps.begin(), steps.end(), is_step)) return damaged("impossible steps");
    return piece;
  }
  if (piece.source != Source::delta || piece.element != Element::i8 || piece.scaling.factors.empty())
    return damaged("a piece with factors that it has no use for");
  return piece;
}

Bytes pack_at(int level, ByteView plain, ByteView reference) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, pack_window_log);
  ZSTD_CCtx_refPrefix(context.get(), reference.data(), reference.size());
  Bytes packed(ZSTD_compressBound(plain.size()));
  const std::size_t size = ZSTD_compress2(context.get(), packed.data(), packed.size(), plain.data(), plain.size());
  if (ZSTD_isError(size) != 0) return {};
  packed.resize(size);
  return packed;
}

}  // namespace

Error damaged(std::string_view what) {
  return make_error(Errc::malformed_patch, "the patch is damaged: " + std::string(what));
}

std::uint32_t crc32_of(ByteView bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, bytes.data(), bytes.size()));
}

Bytes pack(ByteView plain, ByteView reference, Effort effort) {
  // What cannot be packed at all takes a thorough look longest.
  if (effort == Effort::quick || plain.size() > longest_unseen) {
    Bytes packed = pack_at(quick_pack_level, plain, reference);
    if (effort == Effort::quick || packed.size() >= plain.size()) return packed;
  }
  return pack_at(pack_level, plain, reference);
}

Result<Bytes> unpack(ByteView packed, std::size_t size, ByteView reference) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (!context) return make_error(Errc::internal, "cannot start the zstd decoder");
  ZSTD_DCtx_refPrefix(context.get(), reference.data(), reference.size());
  Bytes plain(size);
  const std::size_t got = ZSTD_decompressDCtx(context.get(), plain.data(), plain.size(), packed.data(), packed.size());
  if (ZSTD_isError(got) != 0) return damaged(ZSTD_getErrorName(got));
  if (got != size) return damaged("a part has another size than announced");
  return plain;
}

std::array<std::uint8_t, header_bytes> encode(const Header& header) {
  std::array<std::uint8_t, header_bytes> bytes;
  std::uint8_t* out = std::copy(magic.begin(), magic.end(), bytes.data());
  for (const FileDigest* file : {&header.old_file, &header.new_file}) {
    out = put(out, file->size_bytes);
    out = put(out, file->digest);
  }
  for (const std::uint32_t number : {header.packed_tables, header.tables, header.tables_crc}) out = put(out, number);
  return bytes;
}

Result<Header> decode_header(std::span<const std::uint8_t, header_bytes> bytes) {
  Reader in(bytes);
  if (as_text(in.take(magic.size())) != magic) return damaged("it does not begin as a tensor patch");
  Header header;
  for (FileDigest* file : {&header.old_file, &header.new_file}) {
    file->size_bytes = in.fixed<std::uint64_t>();
    file->digest = in.digest();
  }
  header.packed_tables = in.fixed<std::uint32_t>();
  header.tables = in.fixed<std::uint32_t>();
  header.tables_crc = in.fixed<std::uint32_t>();
  if (header.packed_tables > max_tables_bytes || header.tables > max_tables_bytes) return damaged("tables too large");
  return header;
}

std::array<std::uint8_t, chunk_header_bytes> encode(const ChunkHeader& header) {
  std::array<std::uint8_t, chunk_header_bytes> bytes;
  put(put(put(bytes.data(), header.result_bytes), header.payload_bytes), header.result_crc);
  return bytes;
}

Result<ChunkHeader> decode_chunk_header(std::span<const std::uint8_t, chunk_header_bytes> bytes, std::uint64_t left) {
  Reader in(bytes);
  ChunkHeader header;
  header.result_bytes = in.fixed<std::uint32_t>();
  header.payload_bytes = in.fixed<std::uint32_t>();
  header.result_crc = in.fixed<std::uint32_t>();
  if (header.result_bytes == 0 || header.result_bytes > max_chunk_bytes) return damaged("a chunk of impossible size");
  if (header.result_bytes > left) return damaged("it makes more than its header announces");
  if (header.payload_bytes > max_payload_bytes) return damaged("a chunk of impossible size");
  return header;
}

Bytes encode(const Models& models) {
  Bytes out;
  put_number(out, models.tables.size());
  for (const rans::Frequencies& table : models.tables)
    for (const std::uint16_t frequency : table) put_number(out, frequency);
  for (const Models::Row& row : models.table_of) out.insert(out.end(), row.begin(), row.end());
  return out;
}

Result<Models> decode_models(ByteView bytes) {
  Reader in(bytes);
  Models models;
  models.tables.resize(static_cast<std::size_t>(in.number(max_tables)));
  for (rans::Frequencies& table : models.tables) {
    std::uint32_t sum = 0;
    for (std::uint16_t& frequency : table) {
      frequency = static_cast<std::uint16_t>(in.number(rans::scale));
      sum += frequency;
    }
    if (sum != rans::scale) return damaged("frequencies that do not add up");
  }
  for (Models::Row& row : models.table_of) {
    for (std::uint8_t& table : row) {
      table = in.fixed<std::uint8_t>();
      if (table != Models::none && table >= models.tables.size()) return damaged("a context without a table");
    }
  }
  if (in.failed() || !in.rest().empty()) return damaged("the tables have another size than announced");
  return models;
}

Bytes encode_payload(ByteView description, const Reference& reference, ByteView referred, ByteView raw_bits,
                     ByteView symbols, Effort effort) {
  const Bytes packed = pack(description, referred, effort);
  const bool worth_it = !packed.empty() && packed.size() < description.size();
  const ByteView stored = worth_it ? ByteView(packed) : description;
  Bytes out;
  put_number(out, worth_it ? description.size() : 0);
  put_number(out, worth_it ? reference.bytes : 0);
  if (worth_it && reference.bytes > 0) put_number(out, reference.offset);
  put_number(out, stored.size());
  put_number(out, raw_bits.size());
  for (const ByteView part : {stored, raw_bits, symbols}) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Result<Payload> decode_payload(ByteView bytes, std::uint64_t old_size) {
  Reader in(bytes);
  Payload payload;
  payload.unpacked_bytes = in.number(max_described_bytes);
  payload.reference.bytes = static_cast<std::uint32_t>(in.number(max_reference_bytes));
  if (payload.reference.bytes > 0) payload.reference.offset = in.number(old_size);
  const auto description = in.number(max_payload_bytes);
  const auto raw_bits = in.number(max_payload_bytes);
  payload.description = in.take(description);
  payload.raw_bits = in.take(raw_bits);
  payload.symbols = in.rest();
  if (in.failed()) return damaged("a chunk shorter than its parts");
  if (old_size - payload.reference.offset < payload.reference.bytes)
    return damaged("a chunk refers to what is outside of the old file");
  return payload;
}

Bytes encode_description(std::span<const Piece> pieces, ByteView literals) {
  Bytes bytes;
  put_number(bytes, pieces.size());
  std::uint64_t expected_old = 0;
  for (const Piece& piece : pieces) put_piece(bytes, piece, expected_old);
  bytes.insert(bytes.end(), literals.begin(), literals.end());
  return bytes;
}

Result<Description> decode_description(ByteView bytes, std::uint32_t result_bytes, std::uint64_t old_size) {
  Reader in(bytes);
  Description description;
  const std::uint64_t count = in.number(std::min(max_pieces, bytes.size()));
  description.pieces.reserve(static_cast<std::size_t>(count));
  std::uint64_t expected_old = 0, made = 0, literals = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    ARGOSY_TRY(Piece piece, read_piece(in, expected_old, old_size));
    made += piece.bytes;
    if (piece.source == Source::literal) literals += piece.bytes;
    if (made > result_bytes) return damaged("pieces that make more than their chunk");
    description.pieces.push_back(std::move(piece));
  }
  description.literals = in.rest();
  if (in.failed() || made != result_bytes || literals != description.literals.size())
    return damaged("pieces that do not make their chunk");
  return description;
}

}  // namespace argosy::tensor

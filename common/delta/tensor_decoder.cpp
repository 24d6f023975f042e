#include "common/delta/tensor_decoder.hpp"

#include <algorithm>

#include "common/delta/number_decoder.hpp"
#include "common/delta/old_file.hpp"
#include "common/delta/scaling.hpp"
#include "common/delta/steps.hpp"

namespace argosy {

TensorDecoder::TensorDecoder(std::unique_ptr<tensor::DecodingTables> tables, int old_fd, std::uint64_t old_size)
    : tables_(std::move(tables)), old_fd_(old_fd), old_size_(old_size) {}
TensorDecoder::TensorDecoder(TensorDecoder&&) noexcept = default;
TensorDecoder& TensorDecoder::operator=(TensorDecoder&&) noexcept = default;
TensorDecoder::~TensorDecoder() = default;

Result<TensorDecoder> TensorDecoder::create(const tensor::Header& header, ByteView packed_tables, int old_fd) {
  if (tensor::crc32_of(packed_tables) != header.tables_crc) return tensor::damaged("its tables fail their check");
  ARGOSY_TRY(const Bytes plain, tensor::unpack(packed_tables, header.tables));
  ARGOSY_TRY(const tensor::Models models, tensor::decode_models(plain));
  return TensorDecoder(std::make_unique<tensor::DecodingTables>(models), old_fd, header.old_file.size_bytes);
}

std::span<std::uint8_t> TensorDecoder::payload_room(const tensor::ChunkHeader& header) {
  payload_.resize(header.payload_bytes + std::max(rans::BitReader::padding, rans::Decoder::padding));
  return std::span(payload_).first(header.payload_bytes);
}

Result<ByteView> TensorDecoder::make_chunk(const tensor::ChunkHeader& header) {
  ARGOSY_TRY(const auto payload, tensor::decode_payload(ByteView(payload_).first(header.payload_bytes), old_size_));
  ARGOSY_TRY(const Bytes described, description_of(payload));
  ARGOSY_TRY(const auto description, tensor::decode_description(described, header.result_bytes, old_size_));
  fresh_.resize(header.result_bytes);
  ARGOSY_CHECK(make_pieces(payload, description));
  if (tensor::crc32_of(fresh_) != header.result_crc) return tensor::damaged("a chunk fails its check");
  return ByteView(fresh_);
}

Result<Bytes> TensorDecoder::description_of(const tensor::Payload& payload) {
  if (payload.unpacked_bytes == 0) return Bytes(payload.description.begin(), payload.description.end());
  old_.resize(payload.reference.bytes);
  ARGOSY_CHECK(read_exactly_at(old_fd_, payload.reference.offset, old_));
  return tensor::unpack(payload.description, static_cast<std::size_t>(payload.unpacked_bytes), old_);
}

Result<void> TensorDecoder::make_pieces(const tensor::Payload& payload, const tensor::Description& description) {
  tensor::NumberDecoder numbers(*tables_, payload.symbols, {payload.raw_bits.data(), payload.raw_bits.size()});
  ByteView literals = description.literals;
  auto room = std::span(fresh_);
  for (const tensor::Piece& piece : description.pieces) {
    const auto fresh = room.first(piece.bytes);
    room = room.subspan(piece.bytes);
    switch (piece.source) {
      case tensor::Source::literal:
        std::copy_n(literals.begin(), fresh.size(), fresh.begin());
        literals = literals.subspan(fresh.size());
        break;
      case tensor::Source::copy:
        ARGOSY_CHECK(read_exactly_at(old_fd_, piece.old_offset, fresh));
        break;
      case tensor::Source::delta:
        old_.resize(piece.bytes);
        ARGOSY_CHECK(read_exactly_at(old_fd_, piece.old_offset, old_));
        tensor::scale_numbers(old_, piece.scaling);
        numbers.decode(piece.element, residual::Mode::delta, old_, fresh);
        break;
      case tensor::Source::intra:
        numbers.decode(piece.element, residual::Mode::intra, {}, fresh);
        break;
      case tensor::Source::serial:
        numbers.decode(piece.element, residual::Mode::serial, {}, fresh);
        break;
      case tensor::Source::steps:
        old_.resize(piece.bytes);
        ARGOSY_CHECK(read_exactly_at(old_fd_, piece.old_offset, old_));
        counts_.resize(piece.bytes / width_of(piece.element));
        numbers.decode(piece.element, residual::Mode::counts, {}, counts_);
        tensor::add_steps(piece.element, piece.scaling, old_, counts_, fresh);
        break;
    }
  }
  if (!numbers.ended_well()) return tensor::damaged("a chunk with numbers missing or left over");
  return {};
}

}  // namespace argosy

#include "common/delta/tensor_apply.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/delta/number_block.hpp"
#include "common/delta/scaling.hpp"
#include "common/delta/steps.hpp"
#include "common/delta/tensor_format.hpp"

namespace argosy {

namespace {

using residual::Mode;

Error damaged(std::string_view what) {
  return make_error(Errc::malformed_patch, "the patch is damaged: " + std::string(what));
}

// One family's decoding tables by context, as their slots.
using FamilyTables = std::array<const std::uint32_t*, residual::contexts>;

class Tables {
 public:
  explicit Tables(const tensor::Models& models) : even_(flat()) {
    for (const rans::Frequencies& frequencies : models.tables) tables_.emplace_back(frequencies);
    for (std::size_t family = 0; family < residual::families; ++family)
      for (std::size_t context = 0; context < residual::contexts; ++context) {
        // A context that was never coded can only be met in a damaged patch; any table will do until the check.
        const std::uint8_t table = models.table_of[family][context];
        families_[family][context] = (table == tensor::Models::none ? even_ : tables_[table]).slots();
      }
  }
  const FamilyTables& of(std::size_t family) const { return families_[family]; }

 private:
  static rans::DecodingTable flat() {
    rans::Frequencies frequencies;
    frequencies.fill(rans::scale / 256);
    return rans::DecodingTable(frequencies);
  }
  rans::DecodingTable even_;
  std::vector<rans::DecodingTable> tables_;
  std::array<FamilyTables, residual::families> families_{};
};

// The numbers of one chunk, piece by piece.
class NumberDecoder {
 public:
  NumberDecoder(const Tables& tables, ByteView symbols, rans::BitReader raw)
      : tables_(tables), symbols_(symbols), raw_(raw) {}

  // As many bytes of `old` as of `fresh` in mode delta, else none.
  void decode(Element element, Mode mode, ByteView old, std::span<std::uint8_t> fresh) {
    if (mode == Mode::counts) return decode_as<Element::i8, Mode::counts>(old, fresh);
    if (is_block(element)) return decode_blocks(element, mode, old, fresh);
    with_element(element, [&]<Element kind>() {
      switch (mode) {
        case Mode::delta:
          return decode_as<kind, Mode::delta>(old, fresh);
        case Mode::intra:
          return decode_as<kind, Mode::intra>(old, fresh);
        case Mode::serial:
          return decode_as<kind, Mode::serial>(old, fresh);
        case Mode::counts:
          return;  // of no kind
      }
    });
  }
  bool ended_well() const { return symbols_.ended_well() && raw_.ended_well(); }

 private:
  void decode_blocks(Element kind, Mode mode, ByteView old, std::span<std::uint8_t> fresh) {
    tensor::Blocks before = tensor::take_apart(kind, old);
    tensor::Blocks now = tensor::take_apart(kind, fresh);  // for its sizes
    decode(Element::f16, mode, before.scales, now.scales);
    if (mode == Mode::delta) tensor::bring_to_scale(before, now.scales, kind);
    decode(Element::i8, mode, before.numbers, now.numbers);
    tensor::put_together(kind, now, fresh);
  }

  template <Element kind, Mode mode>
  void decode_as(ByteView old, std::span<std::uint8_t> fresh) {
    using Coder = residual::Coder<kind, mode>;
    using Word = typename Coder::Word;
    const std::size_t family = residual::family_of(kind, mode);
    const FamilyTables& tables = tables_.of(family);
    const std::size_t count = fresh.size() / sizeof(Word);
    if (count == 0) return;
    // In registers: the compiler must believe that a byte written to the result may be any member of this.
    residual::Level level = levels_[family];
    rans::Decoder symbols = symbols_;
    rans::BitReader raw = raw_;
    Word last = 0;
    if (!level.started()) {
      Word first = 0;
      if constexpr (mode == Mode::delta) std::memcpy(&first, old.data(), sizeof(Word));
      level.start(Coder::first_mean(first));
    }
    const auto number = [&]<bool checked>(std::size_t i, std::size_t lane) {
      Word before = mode == Mode::serial ? last : Word{0};
      if constexpr (mode == Mode::delta) std::memcpy(&before, old.data() + i * sizeof(Word), sizeof(Word));
      const std::uint32_t* slots = tables[static_cast<std::size_t>(Coder::context(level, before))];
      const std::uint8_t symbol = checked ? symbols.get(slots, lane) : symbols.get_unchecked(slots, lane);
      const int raw_bits = Coder::raw_bits(symbol);
      const std::uint32_t low = checked ? raw.get(raw_bits) : raw.get_unchecked(raw_bits);
      last = Coder::decode(before, symbol, low);
      std::memcpy(fresh.data() + i * sizeof(Word), &last, sizeof(Word));
      return Coder::measure(level, before, symbol, low);
    };
    std::size_t i = 0;
    for (; i + residual::group <= count; i += residual::group) {
      int total = 0;
      if (symbols.room() >= residual::group && raw.room() >= 32 * residual::group) {
        for (std::size_t lane = 0; lane < residual::group; ++lane)
          total += number.template operator()<false>(i + lane, lane);
      } else {
        for (std::size_t lane = 0; lane < residual::group; ++lane)
          total += number.template operator()<true>(i + lane, lane);
      }
      level.take_group(total);
    }
    for (std::size_t lane = 0; i + lane < count; ++lane) number.template operator()<true>(i + lane, lane);
    levels_[family] = level;
    symbols_ = symbols;
    raw_ = raw;
  }

  const Tables& tables_;
  rans::Decoder symbols_;
  rans::BitReader raw_;
  std::array<residual::Level, residual::families> levels_;
};

class TensorRun {
 public:
  TensorRun(int patch_fd, std::uint64_t patch_bytes, int old_fd, std::uint64_t old_size, ResultWriter& result)
      : patch_fd_(patch_fd), patch_bytes_(patch_bytes), old_fd_(old_fd), old_size_(old_size), result_(result) {}

  Result<void> run() {
    ARGOSY_TRY(const tensor::Models models, read_models());
    const Tables tables(models);
    while (result_.left() > 0) ARGOSY_CHECK(make_chunk(tables));
    if (offset_ != patch_bytes_) return damaged("it goes on behind its end");
    return {};
  }

 private:
  Result<void> read(std::span<std::uint8_t> out) {
    if (patch_bytes_ - offset_ < out.size())
      return make_error(Errc::truncated, "the patch is cut short at byte " + std::to_string(patch_bytes_));
    ARGOSY_CHECK(read_exactly_at(patch_fd_, offset_, out));
    offset_ += out.size();
    return {};
  }

  Result<tensor::Models> read_models() {
    std::array<std::uint8_t, tensor::header_bytes> bytes;
    ARGOSY_CHECK(read(bytes));
    ARGOSY_TRY(const tensor::Header header, tensor::decode_header(bytes));
    Bytes packed(header.packed_tables);
    ARGOSY_CHECK(read(packed));
    if (tensor::crc32_of(packed) != header.tables_crc) return damaged("its tables fail their check");
    ARGOSY_TRY(const Bytes plain, tensor::unpack(packed, header.tables));
    return tensor::decode_models(plain);
  }

  Result<void> make_chunk(const Tables& tables) {
    std::array<std::uint8_t, tensor::chunk_header_bytes> bytes;
    ARGOSY_CHECK(read(bytes));
    ARGOSY_TRY(const auto header, tensor::decode_chunk_header(bytes, result_.left()));
    payload_.resize(header.payload_bytes + std::max(rans::BitReader::padding, rans::Decoder::padding));
    ARGOSY_CHECK(read(std::span(payload_).first(header.payload_bytes)));
    ARGOSY_TRY(const auto payload, tensor::decode_payload(ByteView(payload_).first(header.payload_bytes), old_size_));
    ARGOSY_TRY(const Bytes described, description_of(payload));
    ARGOSY_TRY(const auto description, tensor::decode_description(described, header.result_bytes, old_size_));
    fresh_.resize(header.result_bytes);
    ARGOSY_CHECK(make_pieces(payload, description, tables));
    if (tensor::crc32_of(fresh_) != header.result_crc) return damaged("a chunk fails its check");
    return pass_on(fresh_);
  }

  Result<Bytes> description_of(const tensor::Payload& payload) {
    if (payload.unpacked_bytes == 0) return Bytes(payload.description.begin(), payload.description.end());
    old_.resize(payload.reference.bytes);
    ARGOSY_CHECK(read_exactly_at(old_fd_, payload.reference.offset, old_));
    return tensor::unpack(payload.description, static_cast<std::size_t>(payload.unpacked_bytes), old_);
  }

  Result<void> make_pieces(const tensor::Payload& payload, const tensor::Description& description,
                           const Tables& tables) {
    NumberDecoder numbers(tables, payload.symbols, {payload.raw_bits.data(), payload.raw_bits.size()});
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
          numbers.decode(piece.element, Mode::delta, old_, fresh);
          break;
        case tensor::Source::intra:
          numbers.decode(piece.element, Mode::intra, {}, fresh);
          break;
        case tensor::Source::serial:
          numbers.decode(piece.element, Mode::serial, {}, fresh);
          break;
        case tensor::Source::steps:
          old_.resize(piece.bytes);
          ARGOSY_CHECK(read_exactly_at(old_fd_, piece.old_offset, old_));
          counts_.resize(piece.bytes / width_of(piece.element));
          numbers.decode(piece.element, Mode::counts, {}, counts_);
          tensor::add_steps(piece.element, piece.scaling, old_, counts_, fresh);
          break;
      }
    }
    if (!numbers.ended_well()) return damaged("a chunk with numbers missing or left over");
    return {};
  }

  Result<void> pass_on(ByteView made) {
    while (!made.empty()) {
      ARGOSY_TRY(const auto room, result_.room(made.size()));
      std::copy_n(made.begin(), room.size(), room.begin());
      result_.commit(room.size());
      made = made.subspan(room.size());
    }
    return {};
  }

  int patch_fd_;
  std::uint64_t patch_bytes_;
  int old_fd_;
  std::uint64_t old_size_;
  ResultWriter& result_;
  std::uint64_t offset_ = 0;
  Bytes payload_;
  Bytes old_;
  Bytes counts_;
  Bytes fresh_;
};

}  // namespace

Result<void> apply_tensor(int patch_fd, const PatchInfo& info, int old_fd, std::uint64_t old_size,
                          ResultWriter& result) {
  return TensorRun(patch_fd, info.patch_bytes, old_fd, old_size, result).run();
}

}  // namespace argosy

// Turns the coded numbers of one chunk back into bytes. Inner loop of applying; pure, no allocation for plain numbers.
#pragma once

#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "common/delta/number_block.hpp"
#include "common/delta/rans.hpp"
#include "common/delta/residual.hpp"
#include "common/delta/tensor_format.hpp"

namespace argosy::tensor {

using residual::Mode;

// One family's decoding tables by context, as their slots.
using FamilyTables = std::array<const std::uint32_t*, residual::contexts>;

class DecodingTables {
 public:
  explicit DecodingTables(const Models& models) : even_(flat()) {
    for (const rans::Frequencies& frequencies : models.tables) tables_.emplace_back(frequencies);
    for (std::size_t family = 0; family < residual::families; ++family)
      for (std::size_t context = 0; context < residual::contexts; ++context) {
        // A context that was never coded can only be met in a damaged patch; any table will do until the check.
        const std::uint8_t table = models.table_of[family][context];
        families_[family][context] = (table == Models::none ? even_ : tables_[table]).slots();
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
  NumberDecoder(const DecodingTables& tables, ByteView symbols, rans::BitReader raw)
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
    Blocks before = take_apart(kind, old);
    Blocks now = take_apart(kind, fresh);  // for its sizes
    decode(Element::f16, mode, before.scales, now.scales);
    if (mode == Mode::delta) bring_to_scale(before, now.scales, kind);
    decode(Element::i8, mode, before.numbers, now.numbers);
    put_together(kind, now, fresh);
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
      std::uint32_t low = 0;
      if constexpr (Coder::most_raw_bits > 0) {
        const int raw_bits = Coder::raw_bits(symbol);
        low = checked ? raw.get(raw_bits) : raw.get_unchecked(raw_bits);
      }
      last = Coder::decode(before, symbol, low);
      std::memcpy(fresh.data() + i * sizeof(Word), &last, sizeof(Word));
      return Coder::measure(level, before, symbol, low);
    };
    std::size_t i = 0;
    for (; i + residual::group <= count; i += residual::group) {
      int total = 0;
      if (symbols.room() >= residual::group && raw.room() >= Coder::most_raw_bits * residual::group) {
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

  const DecodingTables& tables_;
  rans::Decoder symbols_;
  rans::BitReader raw_;
  std::array<residual::Level, residual::families> levels_;
};

}  // namespace argosy::tensor

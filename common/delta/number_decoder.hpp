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

// One family's decoding tables by context.
using FamilyTables = std::array<const rans::DecodingTable*, residual::contexts>;

class DecodingTables {
 public:
  explicit DecodingTables(const Models& models) : even_(flat()) {
    tables_.reserve(models.tables.size());
    for (const rans::Frequencies& frequencies : models.tables) tables_.emplace_back(frequencies);
    for (std::size_t family = 0; family < residual::families; ++family)
      for (std::size_t context = 0; context < residual::contexts; ++context) {
        // A context that was never coded can only be met in a damaged patch; any table will do until the check.
        const std::uint8_t table = models.table_of[family][context];
        families_[family][context] = table == Models::none ? &even_ : &tables_[table];
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

// The numbers of one piece, in one kind and mode. Lives on the stack for the time of one piece, so that all of it can
// stay in registers: a byte written to the result may be any member of what outlives it.
template <Element kind, Mode mode>
struct NumberRun {
  using Coder = residual::Coder<kind, mode>;
  using Word = typename Coder::Word;

  const FamilyTables& tables;
  residual::Level level;
  rans::Decoder symbols;
  rans::BitReader raw;
  std::array<Word, residual::group> old{};
  std::array<Word, residual::group> found{};
  std::array<std::uint8_t, residual::group> contexts{};
  std::array<std::uint16_t, residual::group> sizes{};
  int total = 0;  // of sizes, where the old numbers do not matter

  void decode(const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
    for (; count >= residual::group; count -= residual::group) {
      decode_group(from, to, residual::group);
      from += mode == Mode::delta ? sizeof old : 0;
      to += sizeof found;
    }
    if (count > 0) decode_group(from, to, count);
  }

 private:
  // In three passes, of which the first and the last know nothing of each other's numbers: a compiler makes them wide.
  [[gnu::always_inline]] void decode_group(const std::uint8_t* from, std::uint8_t* to, std::size_t members) {
    if constexpr (mode == Mode::delta) std::memcpy(old.data(), from, members * sizeof(Word));
    const int expected = Coder::expected(level);
    for (std::size_t i = 0; i < residual::group; ++i)
      contexts[i] = static_cast<std::uint8_t>(Coder::context(expected, old[i]));
    total = 0;
    if (members == residual::group && symbols.room() >= residual::group &&
        raw.room() >= Coder::most_raw_bits * residual::group) {
      for (std::size_t i = 0; i < residual::group; i += rans::lanes) take_lanes(i);
    } else {
      for (std::size_t i = 0; i < members; ++i) take_checked(i);
    }
    for (std::size_t i = 0; i < members; ++i) {
      if constexpr (Coder::measures_old) total += Coder::measure(expected, old[i], sizes[i]);
      found[i] = Coder::decode(old[i], found[i]);
    }
    level.take(total, members);
    std::memcpy(to, found.data(), members * sizeof(Word));
  }

  // One number of each lane, where nothing can be missing.
  [[gnu::always_inline]] void take_lanes(std::size_t i) {
    constexpr auto refills = sizeof(Word) == 1 ? rans::Refills::seldom : rans::Refills::often;
    std::array<const residual::Token*, rans::lanes> tokens{};
#pragma GCC unroll 4
    for (std::size_t lane = 0; lane < rans::lanes; ++lane)
      tokens[lane] = &Coder::tokens[symbols.template get_unchecked<refills>(*tables[contexts[i + lane]], lane)];
    constexpr bool one_window = rans::lanes * Coder::most_raw_bits <= rans::BitReader::window_bits;
    rans::BitReader::Window window = raw.window();
#pragma GCC unroll 4
    for (std::size_t lane = 0; lane < rans::lanes; ++lane) {
      if (!one_window && lane > 0) window = raw.window();
      keep(i + lane, *tokens[lane], Coder::most_raw_bits == 0 ? 0 : window.get(tokens[lane]->raw_bits));
      if (!one_window) raw.skip(tokens[lane]->raw_bits);
    }
    if (one_window) raw.skip(window.used());
  }

  void take_checked(std::size_t i) {
    const residual::Token& token = Coder::tokens[symbols.get(*tables[contexts[i]], i % rans::lanes)];
    keep(i, token, raw.get(token.raw_bits));
  }

  [[gnu::always_inline]] void keep(std::size_t i, const residual::Token& token, std::uint32_t low) {
    if constexpr (Coder::most_raw_bits > 0) low ^= static_cast<std::uint32_t>(token.flip);
    found[i] = static_cast<Word>(token.base + low);
    if constexpr (Coder::measures_old)
      sizes[i] = token.size;
    else
      total += token.size;
  }
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
          return decode_serial<kind>(fresh);
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
    using Run = NumberRun<kind, mode>;
    using Word = typename Run::Word;
    constexpr std::size_t family = residual::family_of(kind, mode);
    if (fresh.size() < sizeof(Word)) return;
    Word first = 0;
    if constexpr (mode == Mode::delta) std::memcpy(&first, old.data(), sizeof(Word));
    start<typename Run::Coder>(family, first);
    Run run{tables_.of(family), levels_[family], symbols_, raw_};
    run.decode(old.data(), fresh.data(), fresh.size() / sizeof(Word));
    levels_[family] = run.level;
    symbols_ = run.symbols;
    raw_ = run.raw;
  }

  // Each number's context and value hang on the one before.
  template <Element kind>
  void decode_serial(std::span<std::uint8_t> fresh) {
    using Coder = residual::Coder<kind, Mode::serial>;
    using Word = typename Coder::Word;
    constexpr std::size_t family = residual::family_of(kind, Mode::serial);
    const std::size_t count = fresh.size() / sizeof(Word);
    if (count > 0) start<Coder>(family, 0);
    residual::Level& level = levels_[family];
    Word last = 0;
    for (std::size_t i = 0; i < count; i += residual::group) {
      const std::size_t members = std::min(residual::group, count - i);
      const int expected = Coder::expected(level);
      int total = 0;
      for (std::size_t k = 0; k < members; ++k) {
        const auto context = static_cast<std::size_t>(Coder::context(expected, last));
        const residual::Token& token = Coder::tokens[symbols_.get(*tables_.of(family)[context], k % rans::lanes)];
        const std::uint32_t low = raw_.get(token.raw_bits) ^ static_cast<std::uint32_t>(token.flip);
        total += Coder::measure(expected, last, token.size);
        last = Coder::decode(last, static_cast<Word>(token.base + low));
        std::memcpy(fresh.data() + (i + k) * sizeof(Word), &last, sizeof(Word));
      }
      level.take(total, members);
    }
  }

  template <class Coder>
  void start(std::size_t family, typename Coder::Word first) {
    if (!levels_[family].started()) levels_[family].start(Coder::first_mean(first));
  }

  const DecodingTables& tables_;
  rans::Decoder symbols_;
  rans::BitReader raw_;
  std::array<residual::Level, residual::families> levels_;
};

}  // namespace argosy::tensor

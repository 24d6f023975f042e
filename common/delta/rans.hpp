// An entropy coder for symbols whose frequencies are known to both sides: range asymmetric numeral systems (J. Duda,
// "Asymmetric numeral systems", 2013), four interleaved lanes of 32-bit states over one stream of 16-bit words, 12-bit
// frequencies. This is the decoding side; rans_encoder.hpp is its mirror. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "common/base/encoding.hpp"

namespace argosy::rans {

constexpr int scale_bits = 12;
constexpr std::uint32_t scale = 1U << scale_bits;
constexpr std::uint32_t lower_bound = 1U << 16;
constexpr std::size_t lanes = 4;
constexpr std::size_t state_bytes = 4 * lanes;

// How often each symbol occurs, in 4096ths; they add up to 4096.
using Frequencies = std::array<std::uint16_t, 256>;

// Which symbol has each slot of 0..4095, and where its range of slots lies. 5 KiB, so that several stay in a first
// cache.
struct DecodingTable {
  struct Range {
    std::uint16_t frequency = 0;
    std::uint16_t start = 0;
  };
  std::array<std::uint8_t, scale> symbols{};
  std::array<Range, 256> ranges{};

  explicit DecodingTable(const Frequencies& frequencies) {
    std::uint32_t slot = 0;
    for (std::uint32_t symbol = 0; symbol < frequencies.size(); ++symbol) {
      ranges[symbol] = {frequencies[symbol], static_cast<std::uint16_t>(slot)};
      for (std::uint32_t i = 0; i < frequencies[symbol] && slot < scale; ++i)
        symbols[slot++] = static_cast<std::uint8_t>(symbol);
    }
  }
};

// How often a lane needs the next word: with a few bits a symbol, or with small parts of one.
enum class Refills : std::uint8_t { often, seldom };

// A step that needs no check reads up to two bytes a symbol: `room` says how many symbols may be read so, and the bytes
// of `padding` lie behind the stream. Reads behind its end as zeros and then says so in overrun(): the check of the
// result finds what came of it.
class Decoder {
 public:
  // `stream` begins with the four states; where nothing was coded it is empty.
  explicit Decoder(ByteView stream) {
    states_.fill(lower_bound);
    if (stream.empty()) return;
    if (stream.size() < state_bytes) {
      overrun_ = true;
      return;
    }
    std::memcpy(states_.data(), stream.data(), state_bytes);
    next_ = stream.data() + state_bytes;
    end_ = stream.data() + stream.size();
  }
  static constexpr std::size_t padding = 2;
  std::size_t room() const { return static_cast<std::size_t>(end_ - next_) / 2; }
  template <Refills refills>
  std::uint8_t get_unchecked(const DecodingTable& table, std::size_t lane) {
    const std::uint8_t symbol = step(table, states_[lane]);
    std::uint32_t& state = states_[lane];
    std::uint16_t word = 0;
    std::memcpy(&word, next_, 2);
    if constexpr (refills == Refills::seldom) {
      if (state >= lower_bound) return symbol;
      state = state << 16 | word;
      next_ += 2;
    } else {  // no processor can foresee them: without a branch
      const std::uint32_t refill = state < lower_bound ? 1 : 0;
      state = state << (16 * refill) | (word & (0 - refill));
      next_ += 2 * refill;
    }
    return symbol;
  }
  std::uint8_t get(const DecodingTable& table, std::size_t lane) {
    const std::uint8_t symbol = step(table, states_[lane]);
    if (states_[lane] < lower_bound) states_[lane] = states_[lane] << 16 | next_word();
    return symbol;
  }
  // Whether every word was used, none was missing and each lane is back where the encoder began.
  bool ended_well() const {
    for (const std::uint32_t state : states_)
      if (state != lower_bound) return false;
    return !overrun_ && next_ == end_;
  }

 private:
  static std::uint8_t step(const DecodingTable& table, std::uint32_t& state) {
    const std::uint32_t slot = state & (scale - 1);
    const std::uint8_t symbol = table.symbols[slot];
    const DecodingTable::Range range = table.ranges[symbol];
    state = range.frequency * (state >> scale_bits) + slot - range.start;
    return symbol;
  }
  std::uint32_t next_word() {
    if (end_ - next_ < 2) {
      overrun_ = true;
      return 0;
    }
    std::uint16_t word = 0;
    std::memcpy(&word, next_, 2);
    next_ += 2;
    return word;
  }

  std::array<std::uint32_t, lanes> states_{};
  const std::uint8_t* next_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  bool overrun_ = false;
};

// Bits that are not worth modelling, least significant first. Needs `padding` readable bytes behind the stream.
class BitReader {
 public:
  static constexpr std::size_t padding = 8;
  BitReader(const std::uint8_t* bytes, std::size_t size) : bytes_(bytes), bits_(8 * size) {}
  std::size_t room() const { return position_ < bits_ ? bits_ - position_ : 0; }
  // The next 57 bits at once, for several numbers.
  static constexpr std::size_t window_bits = 57;
  class Window {
   public:
    explicit Window(std::uint64_t bits) : bits_(bits) {}
    std::uint32_t get(int count) {
      const auto value = static_cast<std::uint32_t>(bits_ & ((std::uint64_t{1} << count) - 1));
      bits_ >>= count;
      used_ += static_cast<std::size_t>(count);
      return value;
    }
    std::size_t used() const { return used_; }

   private:
    std::uint64_t bits_;
    std::size_t used_ = 0;
  };
  Window window() const {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes_ + position_ / 8, 8);
    return Window(word >> (position_ % 8));
  }
  void skip(std::size_t bits) { position_ += bits; }
  // 0..32 bits; zeros behind the end.
  std::uint32_t get(int count) {
    if (position_ + static_cast<std::size_t>(count) > bits_) {
      position_ = bits_ + 1;
      return 0;
    }
    Window bits = window();
    position_ += static_cast<std::size_t>(count);
    return bits.get(count);
  }
  // Whether all bits but the last byte's padding were used, and no more.
  bool ended_well() const { return position_ <= bits_ && bits_ - position_ < 8; }

 private:
  const std::uint8_t* bytes_;
  std::size_t bits_;
  std::size_t position_ = 0;
};

}  // namespace argosy::rans

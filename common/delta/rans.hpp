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

// What a slot of 0..4095 means, packed: symbol 8 bits, frequency - 1 and offset in its range 12 bits each.
class DecodingTable {
 public:
  explicit DecodingTable(const Frequencies& frequencies) : slots_(scale) {
    std::uint32_t slot = 0;
    for (std::uint32_t symbol = 0; symbol < frequencies.size(); ++symbol) {
      const std::uint32_t frequency = frequencies[symbol];
      for (std::uint32_t offset = 0; offset < frequency && slot < scale; ++offset)
        slots_[slot++] = symbol | (frequency - 1) << 8 | offset << 20;
    }
  }
  const std::uint32_t* slots() const { return slots_.data(); }

 private:
  std::vector<std::uint32_t> slots_;
};

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
  std::uint8_t get_unchecked(const std::uint32_t* slots, std::size_t lane) {
    std::uint32_t& state = states_[lane];
    const std::uint32_t entry = slots[state & (scale - 1)];
    const std::uint32_t moved = (((entry >> 8) & 0xfff) + 1) * (state >> scale_bits) + (entry >> 20);
    std::uint16_t word = 0;
    std::memcpy(&word, next_, 2);
    const bool refill = moved < lower_bound;
    state = refill ? moved << 16 | word : moved;
    next_ += refill ? 2 : 0;
    return static_cast<std::uint8_t>(entry);
  }
  // `slots` of a DecodingTable.
  std::uint8_t get(const std::uint32_t* slots, std::size_t lane) {
    std::uint32_t& state = states_[lane];
    const std::uint32_t entry = slots[state & (scale - 1)];
    state = (((entry >> 8) & 0xfff) + 1) * (state >> scale_bits) + (entry >> 20);
    if (state < lower_bound) state = state << 16 | next_word();
    return static_cast<std::uint8_t>(entry);
  }
  // Whether every word was used, none was missing and each lane is back where the encoder began.
  bool ended_well() const {
    for (const std::uint32_t state : states_)
      if (state != lower_bound) return false;
    return !overrun_ && next_ == end_;
  }

 private:
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
  std::uint32_t get_unchecked(int count) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes_ + position_ / 8, 8);
    word >>= position_ % 8;
    position_ += static_cast<std::size_t>(count);
    return static_cast<std::uint32_t>(word & ((std::uint64_t{1} << count) - 1));
  }
  // 0..32 bits; zeros behind the end.
  std::uint32_t get(int count) {
    if (position_ + static_cast<std::size_t>(count) > bits_) {
      position_ = bits_ + 1;
      return 0;
    }
    return get_unchecked(count);
  }
  // Whether all bits but the last byte's padding were used, and no more.
  bool ended_well() const { return position_ <= bits_ && bits_ - position_ < 8; }

 private:
  const std::uint8_t* bytes_;
  std::size_t bits_;
  std::size_t position_ = 0;
};

}  // namespace argosy::rans

// The mirror of rans.hpp: symbols are noted in the order in which they will be decoded and coded from the last to the
// first. One thread; four bytes a symbol noted.
#pragma once

#include <algorithm>
#include <utility>

#include "common/delta/rans.hpp"

namespace argosy::rans {

// Frequencies with where each symbol's range begins.
struct EncodingTable {
  Frequencies frequencies{};
  std::array<std::uint16_t, 256> starts{};

  explicit EncodingTable(const Frequencies& given) : frequencies(given) {
    std::uint32_t start = 0;
    for (std::size_t i = 0; i < given.size(); ++i) {
      starts[i] = static_cast<std::uint16_t>(start);
      start += given[i];
    }
  }
};

class Encoder {
 public:
  void note(std::uint8_t table, std::uint8_t symbol, std::size_t lane) {
    noted_.push_back({table, symbol, static_cast<std::uint8_t>(lane)});
  }
  // The stream: four states, then words; empty when nothing was noted. Every symbol noted has a frequency over zero in
  // its table.
  Bytes finish(std::span<const EncodingTable> tables) {
    if (noted_.empty()) return {};
    std::array<std::uint32_t, lanes> states{};
    states.fill(lower_bound);
    std::vector<std::uint16_t> words;
    for (auto each = noted_.rbegin(); each != noted_.rend(); ++each) {
      const std::uint32_t frequency = tables[each->table].frequencies[each->symbol];
      std::uint32_t& state = states[each->lane];
      if (state >= (std::uint64_t{frequency} << (32 - scale_bits))) {
        words.push_back(static_cast<std::uint16_t>(state));
        state >>= 16;
      }
      state = (state / frequency << scale_bits) + state % frequency + tables[each->table].starts[each->symbol];
    }
    noted_.clear();
    std::reverse(words.begin(), words.end());
    Bytes stream(state_bytes + 2 * words.size());
    std::memcpy(stream.data(), states.data(), state_bytes);
    if (!words.empty()) std::memcpy(stream.data() + state_bytes, words.data(), 2 * words.size());
    return stream;
  }

 private:
  struct Noted {
    std::uint8_t table, symbol, lane;
  };
  std::vector<Noted> noted_;
};

class BitWriter {
 public:
  // 0..32 bits.
  void put(std::uint32_t value, int count) {
    pending_ |= std::uint64_t{value} << held_;
    held_ += count;
    for (; held_ >= 8; held_ -= 8, pending_ >>= 8) bytes_.push_back(static_cast<std::uint8_t>(pending_));
  }
  Bytes finish() {
    if (held_ > 0) bytes_.push_back(static_cast<std::uint8_t>(pending_));
    pending_ = 0;
    held_ = 0;
    return std::exchange(bytes_, {});
  }

 private:
  Bytes bytes_;
  std::uint64_t pending_ = 0;
  int held_ = 0;
};

}  // namespace argosy::rans

// `count` bytes that lie `apart` from each other, and their hash, which moves on byte by byte in constant time. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace argosy {

template <std::size_t count, std::size_t apart>
class RollingWindow {
 public:
  static constexpr std::size_t span = (count - 1) * apart + 1;
  // What has to be there from the first byte on, to begin or to move on.
  static constexpr std::size_t needed = (count + 1) * apart;

  static std::uint64_t hash_of(const std::uint8_t* first) { return mixed(sum_of(first)); }
  static bool same(const std::uint8_t* a, const std::uint8_t* b) {
    for (std::size_t i = 0; i < span; i += apart)
      if (a[i] != b[i]) return false;
    return true;
  }
  // Of zeros, padding and the like there is too much everywhere to tell where it came from.
  static bool repeats_one_byte(const std::uint8_t* first) {
    for (std::size_t i = apart; i < span; i += apart)
      if (first[i] != first[0]) return false;
    return true;
  }

  void begin(const std::uint8_t* first) {
    for (std::size_t lane = 0; lane < apart; ++lane) sums_[lane] = sum_of(first + lane);
    lane_ = 0;
  }
  std::uint64_t hash() const { return mixed(sums_[lane_]); }
  // To the byte behind `first`.
  void move_on(const std::uint8_t* first) {
    sums_[lane_] = (sums_[lane_] - first[0] * base_to_last) * base + first[count * apart];
    lane_ = lane_ + 1 == apart ? 0 : lane_ + 1;
  }

 private:
  static constexpr std::uint64_t base = 0x9e37'79b9'7f4a'7c15;
  static constexpr std::uint64_t base_to_last = [] {
    std::uint64_t power = 1;
    for (std::size_t i = 1; i < count; ++i) power *= base;
    return power;
  }();
  static std::uint64_t sum_of(const std::uint8_t* first) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < span; i += apart) sum = sum * base + first[i];
    return sum;
  }
  static constexpr std::uint64_t mixed(std::uint64_t sum) {
    return (sum ^ sum >> 32) * (0xd6e8'feb8'6659'fd93 + 2 * apart);
  }

  std::array<std::uint64_t, apart> sums_{};
  std::size_t lane_ = 0;
};

// The hashes of a window and of those behind it, so that what is looked up by them can be fetched in good time.
template <class Window>
class HashesAhead {
 public:
  static constexpr std::size_t depth = 16;
  static constexpr std::size_t needed = Window::needed + depth;

  // `fetch` is called with each hash that is to come.
  template <class Fetch>
  void begin(const std::uint8_t* first, Fetch&& fetch) {
    window_.begin(first);
    next_ = 0;
    for (std::size_t i = 0; i < depth; ++i) push(first + i, fetch);
  }
  std::uint64_t hash() const { return hashes_[next_]; }
  template <class Fetch>
  void move_on(const std::uint8_t* first, Fetch&& fetch) {
    push(first + depth, fetch);
  }

 private:
  template <class Fetch>
  void push(const std::uint8_t* first, Fetch&& fetch) {
    hashes_[next_] = window_.hash();
    fetch(hashes_[next_]);
    window_.move_on(first);
    next_ = (next_ + 1) % depth;
  }

  Window window_;
  std::array<std::uint64_t, depth> hashes_{};
  std::size_t next_ = 0;
};

}  // namespace argosy

// Where windows of the old file lie, by hashes of their bytes: every few bytes one, the farther apart the larger the
// file, so that the table never takes over 32 MiB. Built in linear time. Immutable once built; the old bytes must
// outlive it.
//
// Two kinds of window. One has 32 bytes, and is found where all of them are the same. The other has every fourth byte
// of 93: in floats that moved a little the byte with sign and exponent stays as it is.
#pragma once

#include <optional>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/delta/patch_codec.hpp"
#include "common/delta/rolling_window.hpp"

namespace argosy {

struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

using ByteWindow = RollingWindow<32, 1>;
using NumberWindow = RollingWindow<24, 4>;

class WindowIndex {
 public:
  // Of the windows that lie in these parts of old, in order. Errc::cancelled when `progress` says so.
  static Result<WindowIndex> build(ByteView old, const std::vector<Extent>& parts, const PatchProgress& progress);

  // A place in old that holds the same as the window at `wanted`, whose hash is given. None where one byte repeats.
  template <class Window>
  std::optional<std::uint64_t> find(std::uint64_t hash, const std::uint8_t* wanted) const {
    const auto place = place_with(hash);
    if (!place || *place + Window::span > old_.size() || !Window::same(old_.data() + *place, wanted) ||
        Window::repeats_one_byte(wanted))
      return std::nullopt;
    return place;
  }

  // Has a hash's part of the table on its way to the processor before it is asked for.
  void fetch(std::uint64_t hash) const { __builtin_prefetch(&table_[slot_of(hash)]); }

  std::uint64_t stride_bytes() const { return stride_; }
  std::uint64_t memory_bytes() const { return table_.size() * sizeof table_[0]; }

 private:
  // The low bits number the windows from 1 on, the high ones tell apart what shares a place in the table.
  using Entry = std::uint32_t;
  static constexpr int number_bits = 22;
  static constexpr std::uint64_t most_windows = (1ULL << number_bits) - 1;
  static constexpr int most_table_bits = 23;
  static constexpr Entry number_mask = most_windows;

  struct Part {
    std::uint64_t first_number = 0;
    std::uint64_t offset = 0;
  };

  explicit WindowIndex(ByteView old) : old_(old) {}
  Result<void> add_part(const Extent& part, const PatchProgress& progress);
  void add(std::uint64_t hash, std::uint64_t number);
  std::size_t slot_of(std::uint64_t hash) const { return static_cast<std::size_t>(hash >> (64 - table_bits_)); }
  static Entry tag_of(std::uint64_t hash) { return static_cast<Entry>(hash) << number_bits; }
  std::optional<std::uint64_t> place_with(std::uint64_t hash) const {
    const Entry entry = table_[slot_of(hash)];
    if ((entry & ~number_mask) != tag_of(hash) || entry == 0)
      return std::nullopt;  // tags tell first: they seldom match
    return place_of(entry & number_mask);
  }
  std::uint64_t place_of(std::uint64_t number) const;

  ByteView old_;
  std::vector<Part> parts_;
  std::uint64_t stride_ = 0;
  std::uint64_t windows_ = 0;
  int table_bits_ = 0;
  std::vector<Entry> table_;
};

}  // namespace argosy

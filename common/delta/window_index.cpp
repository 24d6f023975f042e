#include "common/delta/window_index.hpp"

#include <algorithm>
#include <bit>

namespace argosy {

namespace {

constexpr std::uint64_t shortest_stride = 33;  // odd, so that windows begin at every byte of a number by turns
constexpr std::uint64_t number_window_every = 3;
constexpr std::uint64_t windows_a_report = 4096;

}  // namespace

Result<WindowIndex> WindowIndex::build(ByteView old, const std::vector<Extent>& parts, const PatchProgress& progress) {
  std::uint64_t bytes = 0;
  for (const Extent& part : parts) bytes += part.bytes;
  WindowIndex index(old);
  index.stride_ = std::max(shortest_stride, bytes / most_windows + 1) | 1;
  index.table_bits_ =
      std::min(most_table_bits, std::max(1, static_cast<int>(std::bit_width(2 * bytes / index.stride_))));
  index.table_.resize(std::size_t{1} << index.table_bits_);
  for (const Extent& part : parts) ARGOSY_CHECK(index.add_part(part, progress));
  return index;
}

Result<void> WindowIndex::add_part(const Extent& part, const PatchProgress& progress) {
  parts_.push_back({windows_ + 1, part.offset});
  const std::uint64_t end = part.offset + part.bytes;
  for (std::uint64_t place = part.offset; place + ByteWindow::span <= end && windows_ < most_windows;
       place += stride_) {
    const std::uint8_t* first = old_.data() + place;
    ++windows_;
    add(ByteWindow::hash_of(first), windows_);
    if (windows_ % number_window_every == 0 && place + NumberWindow::span <= end)
      add(NumberWindow::hash_of(first), windows_);
    if (progress && windows_ % windows_a_report == 0 && !progress(0, old_.size()))
      return make_error(Errc::cancelled, "making the patch was cancelled");
  }
  return {};
}

// The first comes first: what recurs everywhere is found where it began.
void WindowIndex::add(std::uint64_t hash, std::uint64_t number) {
  Entry& entry = table_[slot_of(hash)];
  if (entry == 0) entry = tag_of(hash) | static_cast<Entry>(number);
}

std::uint64_t WindowIndex::place_of(std::uint64_t number) const {
  const auto after = std::upper_bound(parts_.begin(), parts_.end(), number, [](std::uint64_t wanted, const Part& part) {
    return wanted < part.first_number;
  });
  const Part& part = *std::prev(after);
  return part.offset + (number - part.first_number) * stride_;
}

}  // namespace argosy

#include "common/compact/int8_rows.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "common/compact/step_choice.hpp"

namespace argosy {

namespace {

// Where one channel's numbers lie: runs of `run` numbers, every `stride`.
struct Channel {
  std::size_t first = 0, run = 0, stride = 0, count = 0;

  template <class Visit>
  void each(Visit visit) const {
    for (std::size_t start = first; start < count; start += stride)
      for (std::size_t i = start; i < start + run; ++i) visit(i);
  }
};

// How far a number may stay from where it should be, in steps of the scale, before it moves.
double reach_of(int bits) {
  constexpr double reaches[] = {1.5, 1.25, 1.0, 0.8, 0.65};
  return bits < 7 ? reaches[std::max(bits, 2) - 2] : 0.5;
}

// One channel on one of the two scales.
class Move {
 public:
  Move(ByteView old, ByteView exact, const Int8Scales& scales, std::size_t channel, double scale)
      : old_(old),
        exact_(exact),
        has_sign_(scales.has_sign),
        old_scale_(scales.old_scales[channel]),
        new_scale_(scales.new_scales[channel]),
        scale_(scale),
        zero_(scales.zero_points[channel]) {}

  // Whether the scale can hold every number.
  bool fits(const Channel& channel) const {
    if (!(scale_ > 0) || !std::isfinite(new_scale_ / scale_)) return false;
    bool all = true;
    channel.each([&](std::size_t i) { all = all && target(i) > least() - 0.5 && target(i) < most() + 0.5; });
    return all;
  }
  // How the channel's numbers move, in the order of `each`: those that are near stay, but so that errors cancel.
  Rounded ways(const Channel& channel, double reach, std::size_t group) const {
    Rounded ways;
    channel.each([&](std::size_t i) {
      const double way = target(i) - number(old_[i]);
      ways.counts.push_back(std::abs(way) <= reach ? 0 : static_cast<int>(std::lround(way)));
      ways.left.push_back(static_cast<float>(way - ways.counts.back()));
    });
    for (std::size_t from = 0; from < ways.counts.size(); from += group)
      balance(ways, from, std::min(from + group, ways.counts.size()), most() - least());
    return ways;
  }
  std::uint8_t made(std::size_t i, int way) const {
    return static_cast<std::uint8_t>(std::clamp(number(old_[i]) + way, least(), most()));
  }
  double old_value(std::size_t i) const { return (number(old_[i]) - zero_) * old_scale_; }
  double exact_value(std::size_t i) const { return (number(exact_[i]) - zero_) * new_scale_; }
  double made_value(std::uint8_t made) const { return (number(made) - zero_) * scale_; }

 private:
  int least() const { return has_sign_ ? -128 : 0; }
  int most() const { return has_sign_ ? 127 : 255; }
  int number(std::uint8_t byte) const { return has_sign_ ? static_cast<std::int8_t>(byte) : int{byte}; }
  // The exact number on this scale.
  double target(std::size_t i) const { return (number(exact_[i]) - zero_) * (new_scale_ / scale_) + zero_; }

  ByteView old_;
  ByteView exact_;
  bool has_sign_;
  double old_scale_;
  double new_scale_;
  double scale_;
  int zero_;
};

// About the bits that a patch takes for it.
std::uint64_t cost_of(const Rounded& ways) {
  std::uint64_t bits = 0;
  for (const int way : ways.counts)
    if (way != 0) bits += 3 + static_cast<std::uint64_t>(std::bit_width(static_cast<unsigned>(std::abs(way))));
  return bits;
}

// Numbers whose errors are made to cancel: those of a kernel, and of a channel where there is none or it is to be
// coarse.
std::size_t group_of(const TensorExtent& tensor, std::size_t run, int bits) {
  if (tensor.shape.size() < 3 || bits < 4) return run;
  const auto kernel = static_cast<std::size_t>(count_of(Dimensions(tensor.shape).subspan(2)).value_or(1));
  return kernel > 1 && run % kernel == 0 ? kernel : run;
}

bool is_unchanged(const Channel& channel, ByteView old, ByteView exact) {
  bool same = true;
  channel.each([&](std::size_t i) { same = same && old[i] == exact[i]; });
  return same;
}

}  // namespace

void add_error(CompactTensor& tensor, double old, double exact, double compact) {
  const double error = std::abs(compact - exact);
  tensor.error += error * error;
  tensor.change += (exact - old) * (exact - old);
  tensor.size += exact * exact;
  tensor.largest_error = std::max(tensor.largest_error, error);
}

CompactTensor compact_int8(const TensorExtent& extent, const Int8Scales& scales, ByteView old, ByteView exact, int bits,
                           std::span<std::uint8_t> file) {
  CompactTensor tensor{.name = extent.name, .type = extent.type, .numbers = exact.size()};
  const std::size_t channels = scales.new_scales.size();
  const bool one = channels == 1;
  if (scales.old_scales.size() != channels ||
      (!one &&
       (scales.axis >= extent.shape.size() || static_cast<std::uint64_t>(extent.shape[scales.axis]) != channels)))
    return tensor;
  const std::size_t run =
      one ? exact.size() : static_cast<std::size_t>(*count_of(Dimensions(extent.shape).subspan(scales.axis + 1)));
  const double reach = reach_of(bits);
  std::uint8_t* numbers = file.data() + extent.offset;
  for (std::size_t c = 0; c < channels; ++c) {
    const Channel channel{c * run, run, channels * run, exact.size()};
    if (is_unchanged(channel, old, exact)) {
      ++tensor.unchanged_rows;
      continue;
    }
    const Move on_old(old, exact, scales, c, scales.old_scales[c]), on_new(old, exact, scales, c, scales.new_scales[c]);
    const std::size_t group = group_of(extent, run, bits);
    const Rounded old_ways = on_old.ways(channel, reach, group), new_ways = on_new.ways(channel, reach, group);
    const bool keeps_old = !scales.is_bound && on_old.fits(channel) && cost_of(old_ways) < cost_of(new_ways);
    const Move& move = keeps_old ? on_old : on_new;
    ++(keeps_old || reach >= 1 ? tensor.stepped_rows : tensor.exact_rows);
    if (keeps_old)
      std::memcpy(file.data() + scales.new_offset + c * sizeof(float), &scales.old_scales[c], sizeof(float));
    auto way = (keeps_old ? old_ways : new_ways).counts.begin();
    channel.each([&](std::size_t i) {
      numbers[i] = move.made(i, *way++);
      add_error(tensor, move.old_value(i), move.exact_value(i), move.made_value(numbers[i]));
    });
  }
  return tensor;
}

}  // namespace argosy

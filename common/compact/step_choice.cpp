#include "common/compact/step_choice.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <tuple>
#include <vector>

namespace argosy {

namespace {

using tensor::Step;

constexpr int coarse_stride = 32;            // between steps that are tried first: a quarter of an octave
constexpr int coarse_reach = 6 * 128;        // how far under the step at which the furthest number is reached
constexpr float round_to_whole = 0x1.8p23F;  // added and taken away again

Rounded round_to_steps(std::span<const float> distances, float step, int most) {
  Rounded rounded{std::vector<int>(distances.size()), std::vector<float>(distances.size())};
  for (std::size_t i = 0; i < distances.size(); ++i) {
    const float wanted = distances[i] / step;
    rounded.counts[i] =
        static_cast<int>(std::lround(std::clamp(wanted, static_cast<float>(-most), static_cast<float>(most))));
    rounded.left[i] = wanted - static_cast<float>(rounded.counts[i]);
  }
  return rounded;
}

// What is left of the distances, squared, after as many steps as come nearest.
double error_of(std::span<const float> distances, float step, float most) {
  constexpr std::size_t lanes = 4;
  float sums[lanes] = {};
  double total = 0;
  const float per_step = 1 / step;
  const auto square = [&](float distance) {
    const float counts = (std::min(std::abs(distance) * per_step, most) + round_to_whole) - round_to_whole;
    const float rest = std::abs(distance) - counts * step;
    return rest * rest;
  };
  std::size_t i = 0;
  for (; i + lanes <= distances.size(); i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += square(distances[i + lane]);
    if (i % 1024 != 0) continue;
    for (float& sum : sums) total += std::exchange(sum, 0.0F);
  }
  for (; i < distances.size(); ++i) total += square(distances[i]);
  for (const float sum : sums) total += sum;
  return total;
}

template <Element kind>
class Row {
 public:
  using Word = typename ElementTraits<kind>::Word;

  Row(ByteView old, ByteView exact) : old_(words(old)), exact_(words(exact)) {}

  // How far each number has to move; none when one of them is not finite.
  std::optional<std::vector<float>> distances() const {
    std::vector<float> distances(old_.size());
    for (std::size_t i = 0; i < old_.size(); ++i) {
      distances[i] = tensor::to_float<kind>(exact_[i]) - tensor::to_float<kind>(old_[i]);
      if (!std::isfinite(distances[i])) return std::nullopt;
    }
    return distances;
  }
  // The numbers moved; none when one would not be finite.
  std::optional<std::vector<Word>> moved_by(std::span<const int> counts, float step) const {
    std::vector<Word> made(old_.size());
    for (std::size_t i = 0; i < made.size(); ++i) {
      made[i] = tensor::moved<kind>(old_[i], counts[i], step);
      if (!std::isfinite(tensor::to_float<kind>(made[i]))) return std::nullopt;
    }
    return made;
  }

 private:
  static std::vector<Word> words(ByteView bytes) {
    std::vector<Word> words(bytes.size() / sizeof(Word));
    std::memcpy(words.data(), bytes.data(), bytes.size());
    return words;
  }
  std::vector<Word> old_;
  std::vector<Word> exact_;
};

}  // namespace

void balance(Rounded& rounded, std::size_t from, std::size_t to, int most) {
  const double missing = std::accumulate(rounded.left.begin() + static_cast<std::ptrdiff_t>(from),
                                         rounded.left.begin() + static_cast<std::ptrdiff_t>(to), 0.0);
  const int sign = missing < 0 ? -1 : 1;
  std::vector<std::size_t> movable;
  for (std::size_t i = from; i < to; ++i)
    if (rounded.left[i] != 0 && std::abs(rounded.counts[i] + sign) <= most) movable.push_back(i);
  const auto wanted = static_cast<std::size_t>(std::abs(std::llround(missing)));
  const auto moved = movable.begin() + static_cast<std::ptrdiff_t>(std::min(wanted, movable.size()));
  std::partial_sort(movable.begin(), moved, movable.end(), [&](std::size_t a, std::size_t b) {
    return std::tuple(rounded.left[a] * static_cast<float>(sign), b) >
           std::tuple(rounded.left[b] * static_cast<float>(sign), a);
  });
  for (auto each = movable.begin(); each != moved; ++each) {
    rounded.counts[*each] += sign;
    rounded.left[*each] -= static_cast<float>(sign);
  }
}

Step best_step(std::span<const float> distances, int bits) {
  const auto most = static_cast<float>(most_counts_of(bits));
  float furthest = 0;
  for (const float distance : distances) furthest = std::max(furthest, std::abs(distance));
  const float longest = furthest / most;
  if (longest < float_of_bfloat(tensor::least_step) || longest >= float_of_bfloat(tensor::greatest_step))
    return tensor::no_step;
  const int top = bfloat_of_float(longest);
  int best = top;
  double least = error_of(distances, float_of_bfloat(static_cast<Step>(top)), most);
  const auto consider = [&](int step) {
    if (step < tensor::least_step || step > tensor::greatest_step) return;
    const double error = error_of(distances, float_of_bfloat(static_cast<Step>(step)), most);
    if (error >= least) return;
    least = error;
    best = step;
  };
  for (int under = coarse_stride; under <= coarse_reach; under += coarse_stride) consider(top - under);
  for (int stride = coarse_stride / 2; stride > 0; stride /= 2) {
    const int middle = best;
    consider(middle - stride);
    consider(middle + stride);
  }
  return static_cast<Step>(best);
}

RowOutcome compact_row(Element kind, ByteView old, ByteView exact, const Coarseness& coarseness,
                       std::span<std::uint8_t> compact) {
  if (std::equal(old.begin(), old.end(), exact.begin())) return RowOutcome::unchanged;
  return tensor::with_stepped(kind, [&]<Element k>() {
    const Row<k> row(old, exact);
    const auto distances = row.distances();
    if (!distances) return RowOutcome::exact;
    const Step step = best_step(*distances, coarseness.bits);
    if (step == tensor::no_step) return RowOutcome::exact;
    const float length = float_of_bfloat(step);
    const int most = most_counts_of(coarseness.bits);
    Rounded rounded = round_to_steps(*distances, length, most);
    for (std::size_t from = 0; from < distances->size(); from += coarseness.group)
      balance(rounded, from, std::min(from + coarseness.group, distances->size()), most);
    const auto made = row.moved_by(rounded.counts, length);
    if (!made) return RowOutcome::exact;
    std::memcpy(compact.data(), made->data(), compact.size());
    return RowOutcome::stepped;
  });
}

}  // namespace argosy

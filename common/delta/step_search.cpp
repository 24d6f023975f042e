#include "common/delta/step_search.hpp"

#include <algorithm>
#include <cmath>

namespace argosy::tensor {

namespace {

constexpr int most_looks = 4;          // rows without a step, after which no further one is looked at
constexpr int most_candidates = 4096;  // steps tried for a row
constexpr double widest_guess = 8;     // between the largest and the least step that one number suggests

// By how many steps a number moved; none when it cannot have.
template <Element kind, class Word>
std::optional<int> count_between(Word old, Word fresh, float step) {
  if (old == fresh) return 0;
  const float counts = (to_float<kind>(fresh) - to_float<kind>(old)) / step;
  if (!std::isfinite(counts)) return std::nullopt;
  // Where steps are finer than the numbers' own, rounding may have added to the most that a count can be.
  const int nearest = static_cast<int>(std::clamp(counts + (counts < 0 ? -0.5F : 0.5F),
                                                  static_cast<float>(-most_counts), static_cast<float>(most_counts)));
  for (const int count : {nearest, nearest - 1, nearest + 1})
    if (std::abs(count) <= most_counts && moved<kind>(old, count, step) == fresh) return count;
  return std::nullopt;
}

// The numbers of one row that moved.
template <Element kind>
class MovedNumbers {
 public:
  using Word = typename ElementTraits<kind>::Word;

  MovedNumbers(ByteView old, ByteView fresh) {
    for (std::size_t i = 0; i * sizeof(Word) < old.size(); ++i) {
      Move move;
      std::memcpy(&move.old, old.data() + i * sizeof(Word), sizeof(Word));
      std::memcpy(&move.fresh, fresh.data() + i * sizeof(Word), sizeof(Word));
      if (move.old != move.fresh) moves_.push_back(move);
    }
  }

  // The largest step that explains them all: `no_step` when none moved.
  std::optional<Step> step() const {
    if (moves_.empty()) return no_step;
    const auto [distance, slack] = most_telling();
    if (!(distance > 0)) return std::nullopt;
    int candidates = 0;
    Step tried = greatest_step + 1;  // this and all above
    for (int count = 1; count <= most_counts; ++count) {
      const double high = (distance + slack) / count, low = std::max((distance - slack) / count, high / widest_guess);
      const Step least = step_above(low);
      for (Step step = std::min(tried, static_cast<Step>(step_above(high) + 1)); step-- > least;) {
        if (explains_all(float_of_bfloat(step))) return step;
        if (++candidates == most_candidates) return std::nullopt;
      }
      tried = std::min(tried, least);
    }
    return std::nullopt;
  }

 private:
  struct Move {
    Word old = 0, fresh = 0;
  };
  struct Distance {
    double value = 0;
    double slack = 0;  // by which rounding may have changed it
  };

  // How far the number moved for which rounding matters least; 0 when one became what is no number, or was.
  Distance most_telling() const {
    Distance best;
    double most = 0;
    for (const Move& move : moves_) {
      const float before = to_float<kind>(move.old), now = to_float<kind>(move.fresh);
      if (!std::isfinite(before) || !std::isfinite(now)) return {};
      const auto magnitude = static_cast<Word>(move.fresh & ~ElementTraits<kind>::sign);
      const double spacing = double{to_float<kind>(static_cast<Word>(magnitude + 1))} - to_float<kind>(magnitude);
      const double distance = std::abs(double{now} - before);
      if (distance / spacing <= most) continue;
      most = distance / spacing;
      best = {distance, 0.501 * spacing};
    }
    return best;
  }
  // The least step that is not under a value.
  static Step step_above(double value) {
    if (value >= float_of_bfloat(greatest_step)) return greatest_step;
    if (value <= float_of_bfloat(least_step)) return least_step;
    const auto under = static_cast<Step>(std::bit_cast<std::uint32_t>(static_cast<float>(value)) >> 16);
    return float_of_bfloat(under) < value ? static_cast<Step>(under + 1) : under;
  }
  bool explains_all(float step) const {
    return std::all_of(moves_.begin(), moves_.end(),
                       [&](const Move& move) { return count_between<kind>(move.old, move.fresh, step).has_value(); });
  }

  std::vector<Move> moves_;
};

std::optional<Step> find_step(Element kind, ByteView old, ByteView fresh) {
  if (std::equal(old.begin(), old.end(), fresh.begin())) return no_step;
  return with_stepped(kind, [&]<Element k>() { return MovedNumbers<k>(old, fresh).step(); });
}

}  // namespace

Stretch first_stretch(Element kind, ByteView old, ByteView fresh, std::uint64_t row_numbers, std::uint64_t phase) {
  const std::size_t width = width_of(kind), count = fresh.size() / width;
  Stretch stretch{0, {static_cast<std::uint32_t>(row_numbers), static_cast<std::uint32_t>(phase), {}}};
  std::vector<Step>& steps = stretch.steps.factors;
  bool any_moved = false;
  int failed = 0;
  const auto unstepped = [&](std::size_t numbers) { return Stretch{numbers, {}}; };
  for (std::size_t i = 0; i < count;) {
    const auto run =
        static_cast<std::size_t>(std::min<std::uint64_t>(row_numbers - (phase + i) % row_numbers, count - i));
    const auto step = find_step(kind, old.subspan(i * width, run * width), fresh.subspan(i * width, run * width));
    if (step && *step != no_step && failed > 0) return unstepped(i);
    if (!step && any_moved) break;
    if (!step && ++failed == most_looks) return unstepped(count);
    any_moved |= step && *step != no_step;
    steps.push_back(step.value_or(no_step));
    i += run;
    stretch.numbers = i;
  }
  return any_moved ? stretch : unstepped(count);
}

Bytes counts_of(Element kind, const Scaling& steps, ByteView old, ByteView fresh) {
  return with_stepped(kind, [&]<Element k>() {
    using Word = typename ElementTraits<k>::Word;
    Bytes counts(fresh.size() / sizeof(Word));
    for (std::size_t i = 0; i < counts.size(); ++i) {
      Word before = 0, now = 0;
      std::memcpy(&before, old.data() + i * sizeof(Word), sizeof(Word));
      std::memcpy(&now, fresh.data() + i * sizeof(Word), sizeof(Word));
      const float step = float_of_bfloat(steps.factors[(steps.phase + i) / steps.inner % steps.factors.size()]);
      counts[i] = static_cast<std::uint8_t>(count_between<k>(before, now, step).value_or(0));
    }
    return counts;
  });
}

}  // namespace argosy::tensor

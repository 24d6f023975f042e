#include "common/delta/window_matcher.hpp"

#include <algorithm>

#include "common/delta/step_cutter.hpp"

namespace argosy {

namespace {

class WindowMatcher {
 public:
  using Position = std::int64_t;

  WindowMatcher(ByteView old, ByteView fresh, const WindowIndex& index, Position start_old, const MatchSink& sink,
                const PatchProgress& progress)
      : old_(old), new_(fresh), index_(index), cutter_(old, fresh, start_old, sink), progress_(progress) {}

  Result<void> run() {
    begin_windows();
    while (scan_ < new_size()) {
      ARGOSY_CHECK(report_progress());
      if (pass_over_equal() || pass_over_resembling() || look_for_bytes()) continue;
      look_for_numbers();
      move_on();
    }
    cutter_.finish();
    return {};
  }

 private:
  // A match elsewhere must be better than to stay by more than this, and by more and more as steps add up: each takes
  // memory until the patch is written.
  static constexpr Position worthwhile_gain = 8;
  static constexpr std::uint64_t steps_a_doubling = 16 * 1024;
  static constexpr int most_doublings = 16;
  static constexpr Position judged = 256;           // bytes ahead that tell whether a short match is there by chance
  static constexpr Position judged_numbers = 1024;  // bytes ahead that tell whether numbers resemble each other
  static constexpr Position blocks_between_looks = 16;
  static constexpr Position longest_equal = 1 << 20;
  static constexpr Position report_stride = 64 * 1024;

  Position new_size() const { return static_cast<Position>(new_.size()); }
  Position old_size() const { return static_cast<Position>(old_.size()); }
  const std::uint8_t* first() const { return new_.data() + scan_; }

  // Bytes from here on that old has at this place too.
  Position equal_from(Position old_position, Position new_position) const {
    if (old_position < 0 || old_position >= old_size()) return 0;
    const auto limit = static_cast<std::size_t>(longest_equal);
    const ByteView from = old_.subspan(static_cast<std::size_t>(old_position));
    const ByteView to = new_.subspan(static_cast<std::size_t>(new_position));
    return static_cast<Position>(
        common_prefix(from.first(std::min(limit, from.size())), to.first(std::min(limit, to.size()))));
  }

  // Of the bytes in new[from, to), those that are equal when they lie `offset` farther in old.
  Position equal_beside(Position offset, Position from, Position to) const {
    from = std::max(from, -offset);
    to = std::min({to, new_size(), old_size() - offset});
    Position equal = 0;
    for (Position i = from; i < to; ++i)
      equal += old_[static_cast<std::size_t>(i + offset)] == new_[static_cast<std::size_t>(i)] ? 1 : 0;
    return equal;
  }

  // Beside the present place.
  bool pass_over_equal() {
    const Position offset = cutter_.anchor().offset();
    const Position length = equal_from(scan_ + offset, scan_);
    if (length < static_cast<Position>(ByteWindow::span)) return false;
    jump_to(scan_ + length);
    cutter_.settle(scan_);
    return true;
  }

  // Numbers that moved hold hardly any window that is the same. While they resemble those of the present place it is
  // enough to look for others now and then, the longer in vain the less often: what these are better for is found
  // backwards.
  bool pass_over_resembling() {
    if (scan_ < look_until_) return false;
    const Position stride = static_cast<Position>(index_.stride_bytes()), block = std::max(stride, judged);
    patience_ = std::min(2 * patience_ + block, blocks_between_looks * block);
    const Position offset = cutter_.anchor().offset(), start = scan_;
    Position end = start;
    while (end < start + patience_ && 4 * equal_beside(offset, end, end + block) >= block) end += block;
    look_until_ = end + stride + static_cast<Position>(NumberWindow::span);
    if (end == start) return false;
    jump_to(std::min(end, new_size()));
    return true;
  }

  // Goes on beside another place where that holds the same bytes. False where there is nothing to be passed over.
  bool look_for_bytes() {
    if (!has_room_for<HashesAhead<ByteWindow>>()) return false;
    const auto found = index_.find<ByteWindow>(bytes_.hash(), first());
    if (!found) return false;
    const Position offset = static_cast<Position>(*found) - scan_;
    if (offset == cutter_.anchor().offset()) return false;
    Position from = scan_;
    while (from > compared_ && from > cutter_.settled() && cutter_.equal_at(from - 1 + offset, from - 1)) --from;
    const Position end = scan_ + equal_from(scan_ + offset, scan_);
    const Position ahead = std::max(end, from + judged);
    const Position gain = equal_beside(offset, from, ahead) - equal_beside(cutter_.anchor().offset(), from, ahead);
    if (gain > least_gain()) {
      note_step();
      cutter_.go_on_at({from, from + offset});
      cutter_.settle(end);
    }
    jump_to(end);
    compared_ = end;
    return true;
  }

  // Goes on beside another place where its numbers are nearer to those of new.
  void look_for_numbers() {
    if (scan_ < next_numbers_ || !has_room_for<HashesAhead<NumberWindow>>()) return;
    const auto found = index_.find<NumberWindow>(numbers_.hash(), first());
    if (!found) return;
    const Position offset = static_cast<Position>(*found) - scan_;
    const Position present = cutter_.anchor().offset();
    next_numbers_ = scan_ + judged;
    if (offset == present) return;
    const Position ahead = scan_ + judged_numbers;
    const Position here = equal_beside(present, scan_, ahead), there = equal_beside(offset, scan_, ahead);
    if (4 * there <= 5 * here + judged || there - here <= least_gain()) return;
    note_step();
    cutter_.go_on_among_numbers({scan_, scan_ + offset});
  }

  template <class Windows>
  bool has_room_for() const {
    return scan_ + static_cast<Position>(Windows::needed) <= new_size();
  }
  void begin_windows() {
    const auto fetch = [&](std::uint64_t hash) { index_.fetch(hash); };
    if (has_room_for<HashesAhead<ByteWindow>>()) bytes_.begin(first(), fetch);
    if (has_room_for<HashesAhead<NumberWindow>>()) numbers_.begin(first(), fetch);
  }
  void jump_to(Position scan) {
    scan_ = scan;
    begin_windows();
  }
  void move_on() {
    const auto fetch = [&](std::uint64_t hash) { index_.fetch(hash); };
    if (has_room_for<HashesAhead<ByteWindow>>()) bytes_.move_on(first(), fetch);
    if (has_room_for<HashesAhead<NumberWindow>>()) numbers_.move_on(first(), fetch);
    ++scan_;
  }

  void note_step() {
    ++steps_;
    patience_ = 0;
    look_until_ = 0;
  }
  Position least_gain() const {
    return worthwhile_gain << std::min<std::uint64_t>(steps_ / steps_a_doubling, most_doublings);
  }

  Result<void> report_progress() {
    if (!progress_ || scan_ < next_report_) return {};
    next_report_ = scan_ + report_stride;
    if (!progress_(static_cast<std::uint64_t>(scan_), new_.size()))
      return make_error(Errc::cancelled, "making the patch was cancelled");
    return {};
  }

  ByteView old_;
  ByteView new_;
  const WindowIndex& index_;
  StepCutter cutter_;
  const PatchProgress& progress_;
  Position scan_ = 0;                  // in new
  Position compared_ = 0;              // up to here other places have been compared
  HashesAhead<ByteWindow> bytes_;      // from scan_ on
  HashesAhead<NumberWindow> numbers_;  // from scan_ on
  Position look_until_ = 0;
  Position patience_ = 0;
  Position next_numbers_ = 0;
  Position next_report_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace

Result<void> match_windows(ByteView old, ByteView fresh, const WindowIndex& index, std::int64_t start_old,
                           const MatchSink& sink, const PatchProgress& progress) {
  return WindowMatcher(old, fresh, index, start_old, sink, progress).run();
}

}  // namespace argosy

#include "common/delta/byte_matcher.hpp"

#include <algorithm>

namespace argosy {

namespace {

using Position = std::int64_t;

// A match elsewhere must be better than staying aligned by more than this to pay for a step's 24 control bytes.
constexpr Position worthwhile_gain = 8;
// A match this long that the present alignment covers as well is passed over as a whole. Looking at each of its bytes
// would find the same again, in quadratic time on long equal regions.
constexpr Position long_match = 32;
constexpr Position progress_stride = 16384;
constexpr Position misses_a_stride = 1024;

// Where the new file continues in the old one: new[fresh + i] stands beside old[old + i].
struct Anchor {
  Position fresh = 0;
  Position old = 0;
  Position offset() const { return old - fresh; }
};

// The longest stretch from an anchor in which at least half of the bytes are equal, found in one walk: it ends where
// 2 * equal - length is greatest.
class Stretch {
 public:
  void take(bool equal) {
    ++length_;
    equal_ += equal ? 1 : 0;
    const Position score = 2 * equal_ - length_;
    if (score <= best_score_) return;
    best_score_ = score;
    best_length_ = length_;
  }
  Position best_length() const { return best_length_; }

 private:
  Position length_ = 0;
  Position equal_ = 0;
  Position best_score_ = 0;
  Position best_length_ = 0;
};

class Matcher {
 public:
  Matcher(ByteView old, ByteView fresh, const OldIndex& index, Position longest_stride, const MatchSink& sink,
          const PatchProgress& progress)
      : old_(old), new_(fresh), index_(index), longest_stride_(longest_stride), sink_(sink), progress_(progress) {}

  Result<void> run() {
    while (scan_ < new_size()) {
      ARGOSY_TRY(const bool found, find_better_alignment());
      if (found || scan_ == new_size()) close_step();
    }
    return {};
  }

 private:
  Position old_size() const { return static_cast<Position>(old_.size()); }
  Position new_size() const { return static_cast<Position>(new_.size()); }

  bool equal_at(Position old_position, Position new_position) const {
    return old_position >= 0 && old_position < old_size() &&
           old_[static_cast<std::size_t>(old_position)] == new_[static_cast<std::size_t>(new_position)];
  }
  bool aligned_equal(Position new_position) const { return equal_at(new_position + anchor_.offset(), new_position); }

  // Walks on from the last match until another place in old fits clearly better than to go on beside the anchor.
  // False at the end of new, or when the match found lies beside the anchor anyway.
  Result<bool> find_better_alignment() {
    scan_ += match_.length;
    match_ = {};
    Position aligned = 0;  // equal bytes beside the anchor in [scan_, counted)
    Position counted = scan_;
    Position misses = 0;
    while (scan_ < new_size()) {
      ARGOSY_CHECK(report_progress());
      match_ = index_.longest_match(new_.subspan(static_cast<std::size_t>(scan_)));
      for (; counted < scan_ + match_.length; ++counted) aligned += aligned_equal(counted) ? 1 : 0;
      if (match_.length != 0 && match_.length == aligned) return false;
      if (match_.length > aligned + worthwhile_gain) return true;
      if (match_.length >= long_match) {
        scan_ += match_.length;
        counted = scan_;
        aligned = 0;
        misses = 0;
      } else {
        for (Position step = stride_after(++misses); step > 0 && scan_ < new_size(); --step) {
          aligned -= counted > scan_ && aligned_equal(scan_) ? 1 : 0;
          ++scan_;
          counted = std::max(counted, scan_);
        }
      }
    }
    return false;
  }

  // In noise it looks less and less often; what it steps over, extending a match backwards finds again.
  Position stride_after(Position misses) const { return std::min(longest_stride_, 1 + misses / misses_a_stride); }

  // How far beyond the anchor old and new go on alike.
  Position forward_length() const {
    Stretch stretch;
    for (Position i = 0; anchor_.fresh + i < scan_ && anchor_.old + i < old_size(); ++i)
      stretch.take(equal_at(anchor_.old + i, anchor_.fresh + i));
    return stretch.best_length();
  }

  // How far before the new match old and new are alike already.
  Position backward_length() const {
    if (scan_ >= new_size()) return 0;
    Stretch stretch;
    for (Position i = 1; scan_ - i >= anchor_.fresh && match_.position >= i; ++i)
      stretch.take(equal_at(match_.position - i, scan_ - i));
    return stretch.best_length();
  }

  // Where two stretches overlap: how many of the overlap's bytes the first had better keep.
  Position best_cut(Anchor first, Anchor second, Position overlap) const {
    Position lead = 0;
    Position best_lead = 0;
    Position cut = 0;
    for (Position i = 0; i < overlap; ++i) {
      lead += equal_at(first.old + i, first.fresh + i) ? 1 : 0;
      lead -= equal_at(second.old + i, second.fresh + i) ? 1 : 0;
      if (lead <= best_lead) continue;
      best_lead = lead;
      cut = i + 1;
    }
    return cut;
  }

  // Reports the step from the anchor to the match, which becomes the new anchor.
  void close_step() {
    Position forward = forward_length();
    Position backward = backward_length();
    const Position overlap = anchor_.fresh + forward - (scan_ - backward);
    if (overlap > 0) {
      const Anchor first{anchor_.fresh + forward - overlap, anchor_.old + forward - overlap};
      const Anchor second{scan_ - backward, match_.position - backward};
      const Position cut = best_cut(first, second, overlap);
      forward -= overlap - cut;
      backward -= cut;
    }
    const Anchor next{scan_ - backward, match_.position - backward};
    sink_(MatchStep{anchor_.fresh, anchor_.old, forward, next.fresh - anchor_.fresh - forward, next.old});
    anchor_ = next;
  }

  Result<void> report_progress() {
    if (!progress_ || (++searches_ % progress_stride != 0 && scan_ < next_report_)) return {};
    next_report_ = scan_ + 4 * progress_stride;
    if (!progress_(static_cast<std::uint64_t>(scan_), new_.size()))
      return make_error(Errc::cancelled, "making the patch was cancelled");
    return {};
  }

  ByteView old_;
  ByteView new_;
  const OldIndex& index_;
  Position longest_stride_;
  const MatchSink& sink_;
  const PatchProgress& progress_;
  Anchor anchor_;      // where the step being built begins
  Position scan_ = 0;  // in new
  Match match_;        // of new[scan_...]
  Position searches_ = 0;
  Position next_report_ = 0;
};

}  // namespace

Result<void> match_bytes(ByteView old, ByteView fresh, const OldIndex& index, std::int64_t longest_stride,
                         const MatchSink& sink, const PatchProgress& progress) {
  return Matcher(old, fresh, index, longest_stride, sink, progress).run();
}

}  // namespace argosy

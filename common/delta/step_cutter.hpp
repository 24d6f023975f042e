// Where a stretch beside the old file ends and the next begins, once a matcher has found a better place: matches are
// extended both ways as long as half of the bytes agree, and cut where two overlap. One thread; takes linear time over
// all steps, and no memory.
#pragma once

#include <algorithm>

#include "common/delta/byte_matcher.hpp"

namespace argosy {

// Where the new file continues in the old one: new[fresh + i] stands beside old[old + i].
struct Anchor {
  std::int64_t fresh = 0;
  std::int64_t old = 0;
  std::int64_t offset() const { return old - fresh; }
};

class StepCutter {
 public:
  using Position = std::int64_t;

  StepCutter(ByteView old, ByteView fresh, Position start_old, const MatchSink& sink)
      : old_(old), new_(fresh), sink_(sink), anchor_{0, start_old} {}

  bool equal_at(Position old_position, Position new_position) const {
    return old_position >= 0 && old_position < old_size() &&
           old_[static_cast<std::size_t>(old_position)] == new_[static_cast<std::size_t>(new_position)];
  }
  // Of the present stretch.
  const Anchor& anchor() const { return anchor_; }
  bool aligned_equal(Position new_position) const { return equal_at(new_position + anchor_.offset(), new_position); }

  // The stretch is known to reach to here: what comes next is not extended back beyond it.
  void settle(Position fresh) { settled_ = std::max(settled_, fresh); }
  Position settled() const { return settled_; }

  // Reports the step up to a match whose bytes are equal, which is where the next one begins.
  void go_on_at(Anchor match) { close(match, forward_length(match.fresh), backward_length(match)); }

  // The same for numbers that only resemble each other: the border lies where bytes agree less often beside the place
  // before than beside the new one.
  void go_on_among_numbers(Anchor match) {
    const Anchor settled{settled_, settled_ + anchor_.offset()};
    const Position open = std::min(match.fresh - settled_, match.old);
    const Position from = match.fresh - open;
    const Position cut = from + best_cut({from, from + settled.offset()}, {from, from + match.offset()}, open);
    close({cut, cut + match.offset()}, std::min(forward_length(match.fresh), cut - anchor_.fresh), 0);
    settle(cut);
  }

  // Reports the last step. What is left behind it may lie at the end of the old file.
  void finish() {
    if (anchor_.fresh < new_size()) close({new_size(), old_size()}, forward_length(new_size()), 0);
  }

 private:
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

  Position old_size() const { return static_cast<Position>(old_.size()); }
  Position new_size() const { return static_cast<Position>(new_.size()); }

  // How far beyond the anchor old and new go on alike.
  Position forward_length(Position end) const {
    Stretch stretch;
    for (Position i = 0; anchor_.fresh + i < end && anchor_.old + i < old_size(); ++i)
      stretch.take(equal_at(anchor_.old + i, anchor_.fresh + i));
    return stretch.best_length();
  }

  // How far before the new match old and new are alike already.
  Position backward_length(Anchor match) const {
    Stretch stretch;
    for (Position i = 1; match.fresh - i >= settled_ && match.old >= i; ++i)
      stretch.take(equal_at(match.old - i, match.fresh - i));
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

  void close(Anchor match, Position forward, Position backward) {
    const Position overlap = anchor_.fresh + forward - (match.fresh - backward);
    if (overlap > 0) {
      const Anchor first{anchor_.fresh + forward - overlap, anchor_.old + forward - overlap};
      const Anchor second{match.fresh - backward, match.old - backward};
      const Position cut = best_cut(first, second, overlap);
      forward -= overlap - cut;
      backward -= cut;
    }
    const Anchor next{match.fresh - backward, match.old - backward};
    sink_(MatchStep{anchor_.fresh, anchor_.old, forward, next.fresh - anchor_.fresh - forward, next.old});
    anchor_ = next;
  }

  ByteView old_;
  ByteView new_;
  const MatchSink& sink_;
  Anchor anchor_;
  Position settled_ = 0;  // in new
};

}  // namespace argosy

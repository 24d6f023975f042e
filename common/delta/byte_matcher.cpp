#include "common/delta/byte_matcher.hpp"

#include <algorithm>

#include "common/delta/step_cutter.hpp"

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

class Matcher {
 public:
  Matcher(ByteView old, ByteView fresh, const OldIndex& index, Position longest_stride, const MatchSink& sink,
          const PatchProgress& progress)
      : new_(fresh),
        index_(index),
        longest_stride_(longest_stride),
        cutter_(old, fresh, 0, sink),
        progress_(progress) {}

  Result<void> run() {
    while (scan_ < new_size()) {
      ARGOSY_TRY(const bool found, find_better_alignment());
      if (!found) continue;
      cutter_.go_on_at({scan_, match_.position});
      cutter_.settle(scan_ + match_.length);
    }
    cutter_.finish();
    return {};
  }

 private:
  Position new_size() const { return static_cast<Position>(new_.size()); }

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
      for (; counted < scan_ + match_.length; ++counted) aligned += cutter_.aligned_equal(counted) ? 1 : 0;
      if (match_.length != 0 && match_.length == aligned) return false;
      if (match_.length > aligned + worthwhile_gain) return true;
      if (match_.length >= long_match) {
        scan_ += match_.length;
        counted = scan_;
        aligned = 0;
        misses = 0;
      } else {
        for (Position step = stride_after(++misses); step > 0 && scan_ < new_size(); --step) {
          aligned -= counted > scan_ && cutter_.aligned_equal(scan_) ? 1 : 0;
          ++scan_;
          counted = std::max(counted, scan_);
        }
      }
    }
    return false;
  }

  // In noise it looks less and less often; what it steps over, extending a match backwards finds again.
  Position stride_after(Position misses) const { return std::min(longest_stride_, 1 + misses / misses_a_stride); }

  Result<void> report_progress() {
    if (!progress_ || (++searches_ % progress_stride != 0 && scan_ < next_report_)) return {};
    next_report_ = scan_ + 4 * progress_stride;
    if (!progress_(static_cast<std::uint64_t>(scan_), new_.size()))
      return make_error(Errc::cancelled, "making the patch was cancelled");
    return {};
  }

  ByteView new_;
  const OldIndex& index_;
  Position longest_stride_;
  StepCutter cutter_;
  const PatchProgress& progress_;
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

#include "common/delta/bsdiff_apply.hpp"

#include "common/delta/bsdiff_format.hpp"
#include "common/delta/bzip2_reader.hpp"

namespace argosy {

namespace {

class BsdiffRun {
 public:
  BsdiffRun(int patch_fd, const PatchInfo& info, OldFile& old, ResultWriter& result)
      : control_(patch_fd, bsdiff::header_bytes, info.control_bytes, "control"),
        difference_(patch_fd, bsdiff::header_bytes + info.control_bytes, info.difference_bytes, "difference"),
        extra_(patch_fd, bsdiff::header_bytes + info.control_bytes + info.difference_bytes, info.extra_bytes, "extra"),
        old_(old),
        result_(result) {}

  Result<void> run() {
    // An encoder moves on by at least one byte of the result between steps, so more steps than bytes are an attack.
    for (std::uint64_t steps = 0; result_.left() > 0; ++steps) {
      if (steps > result_.size())
        return make_error(Errc::malformed_patch, "the patch has more steps than result bytes");
      ARGOSY_CHECK(step());
    }
    ARGOSY_CHECK(control_.expect_end());
    ARGOSY_CHECK(difference_.expect_end());
    return extra_.expect_end();
  }

 private:
  Result<void> step() {
    std::array<std::uint8_t, bsdiff::control_bytes> bytes;
    ARGOSY_CHECK(control_.read(bytes));
    const bsdiff::Control control = bsdiff::decode_control(bytes);
    if (control.add < 0 || control.copy < 0)
      return make_error(Errc::malformed_patch, "a step of the patch has a negative length");
    ARGOSY_CHECK(add(static_cast<std::uint64_t>(control.add)));
    ARGOSY_CHECK(copy(static_cast<std::uint64_t>(control.copy)));
    if (__builtin_add_overflow(old_position_, control.seek, &old_position_))
      return make_error(Errc::malformed_patch, "a step of the patch moves too far");
    return {};
  }

  Result<void> add(std::uint64_t count) {
    if (count == 0) return {};
    const auto start = static_cast<std::uint64_t>(old_position_);
    if (old_position_ < 0 || start > old_.size() || count > old_.size() - start)
      return make_error(Errc::malformed_patch, "a step of the patch reads " + std::to_string(count) + " bytes from " +
                                                   std::to_string(old_position_) + " of an old file of " +
                                                   std::to_string(old_.size()));
    old_position_ += static_cast<std::int64_t>(count);
    for (std::uint64_t offset = start; count > 0;) {
      ARGOSY_TRY(const auto room, result_.room(count));
      ARGOSY_CHECK(difference_.read(room));
      ARGOSY_CHECK(old_.add_to(room, offset));
      result_.commit(room.size());
      offset += room.size();
      count -= room.size();
    }
    return {};
  }

  Result<void> copy(std::uint64_t count) {
    while (count > 0) {
      ARGOSY_TRY(const auto room, result_.room(count));
      ARGOSY_CHECK(extra_.read(room));
      result_.commit(room.size());
      count -= room.size();
    }
    return {};
  }

  Bzip2Reader control_;
  Bzip2Reader difference_;
  Bzip2Reader extra_;
  OldFile& old_;
  ResultWriter& result_;
  std::int64_t old_position_ = 0;
};

}  // namespace

Result<void> apply_bsdiff(int patch_fd, const PatchInfo& info, OldFile& old, ResultWriter& result) {
  return BsdiffRun(patch_fd, info, old, result).run();
}

}  // namespace argosy

// Is the new version worse on the same inputs? The verdict of one look over shadow runs: one row a device, its figure
// for the old version and for the new one. Each device is its own control, so that no other has to wait: a one-sample
// test, at the looks, margins and alphas of change_judge.hpp. Over all classes together and each class alone. Pure.
#pragma once

#include <cstdint>
#include <span>

#include "common/base/error.hpp"
#include "common/stats/device_rows.hpp"
#include "server/rollouts/guards/change_judge.hpp"

namespace argosy::server {

struct PairedGuard {
  ChangeGuard change{};
  // What a harmless release may show, in the unit of D: it fails where the harm is surely over this and seen to be over
  // the rollback margin. Of figures that may go either way 0; of those that only go up, as disagreement, the margin.
  double null_harm = 0;
};

// Errc::unavailable, with the reason, when nothing can be compared: that is never a pass.
Result<ChangeVerdict> judge_paired(std::span<const DeviceRow> rows, const PairedGuard& guard, const GuardLook& look);

// The smallest p-value that judge_paired() can come to over so many devices, where `alpha` may be spent. It counts
// where they are few, or their figures wild.
double least_paired_p_of(std::uint64_t devices, double alpha);
// Whether any figures of these devices could reject there.
bool can_reject_paired(std::uint64_t devices, double alpha);

}  // namespace argosy::server

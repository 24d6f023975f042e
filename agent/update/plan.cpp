#include "agent/update/plan.hpp"

#include <algorithm>
#include <array>

namespace argosy::agent {

namespace {

constexpr std::array<std::string_view, 3> codecs = {"tensor", "bsdiff", "zstd"};

bool is_usable(const wire::PatchOffer& patch, const Slots& slots) {
  return slots.holding(patch.base_digest) && std::find(codecs.begin(), codecs.end(), patch.codec) != codecs.end();
}

const wire::PatchOffer* smallest_patch(const wire::DesiredModel& wish, const Slots& slots, std::uint64_t below_bytes) {
  const wire::PatchOffer* best = nullptr;
  for (const wire::PatchOffer& patch : wish.patches) {
    if (patch.blob.size >= below_bytes || !is_usable(patch, slots)) continue;
    if (best == nullptr || patch.blob.size < best->blob.size) best = &patch;
  }
  return best;
}

// Whether `need` fits, perhaps after the target slot was cleared.
bool fits(Plan& plan, std::uint64_t need, std::uint64_t reclaimable, const Means& means) {
  if (need <= means.free_bytes) return true;
  plan.clear_target = reclaimable > 0 && need <= means.free_bytes + reclaimable;
  return plan.clear_target;
}

}  // namespace

Result<Plan> make_plan(const wire::DesiredModel& wish, const Slots& slots, SlotName target, const Means& means) {
  const std::uint64_t size = wish.artifact.size;
  const std::uint64_t left = size - std::min(size, means.have_bytes);
  const std::uint64_t besides = means.dataset_bytes + means.reserve_bytes;
  const std::uint64_t in_target = slots.at(target) ? slots.at(target)->size : 0;
  Plan plan;
  if (const auto* patch = means.patches_allowed ? smallest_patch(wish, slots, left) : nullptr) {
    const bool base_is_in_target = slots.at(target) && slots.at(target)->digest == patch->base_digest;
    if (fits(plan, patch->blob.size + size + besides, base_is_in_target ? 0 : in_target, means)) {
      plan.source = Source::patch;
      plan.patch = *patch;
      return plan;
    }
  }
  if (fits(plan, left + besides, in_target, means)) return plan;
  return make_error(Errc::out_of_space, "version " + wish.version + " needs " + std::to_string(left + besides) +
                                            " bytes, " + std::to_string(means.free_bytes) +
                                            " are free: make room on the device's disk and try again");
}

}  // namespace argosy::agent

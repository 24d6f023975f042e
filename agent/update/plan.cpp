#include "agent/update/plan.hpp"

#include <algorithm>
#include <limits>

#include "common/delta/patch_codec.hpp"

namespace argosy::agent {

namespace {

bool is_known(const wire::PatchOffer& patch) {
  return find_codec(patch.codec) != nullptr;
}

bool is_here(const std::string& digest, const Slots& slots, const PlanResources& resources) {
  return slots.holding(digest) || resources.results.contains(digest);
}

// Whoever made the offer says how much it is: what is absurd must not come out small.
std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

std::uint64_t bytes_left(const wire::PatchOffer& patch, const PlanResources& resources) {
  const auto applied = resources.applied.find(patch.blob.digest);
  return patch.blob.size - (applied == resources.applied.end() ? 0 : std::min(applied->second, patch.blob.size));
}

// A patch, or two in a row.
struct PatchPath {
  const wire::PatchOffer* first = nullptr;
  std::uint64_t left = 0;     // bytes still to be fetched
  std::uint64_t on_disk = 0;  // bytes that it takes while it goes on
};

std::uint64_t room_for(const wire::PatchOffer& patch, const wire::DesiredModel& wish) {
  return sum(result_of(patch, wish).size, is_streamed(patch) ? 0 : patch.blob.size);
}

std::optional<PatchPath> path_from(const wire::PatchOffer& first, const wire::DesiredModel& wish,
                                   const PlanResources& resources) {
  PatchPath path{&first, bytes_left(first, resources), room_for(first, wish)};
  if (!first.result) return path;
  const wire::PatchOffer* last = nullptr;
  for (const wire::PatchOffer& next : wish.patches)
    if (is_known(next) && !next.result && next.base_digest == first.result->digest &&
        (last == nullptr || next.blob.size < last->blob.size))
      last = &next;
  if (last == nullptr) return std::nullopt;
  path.left = sum(path.left, bytes_left(*last, resources));
  path.on_disk = sum(path.on_disk, room_for(*last, wish));
  return path;
}

std::optional<PatchPath> shortest_path(const wire::DesiredModel& wish, const Slots& slots,
                                       const PlanResources& resources, std::uint64_t below_bytes) {
  std::optional<PatchPath> best;
  for (const wire::PatchOffer& patch : wish.patches) {
    if (!is_known(patch) || !is_here(patch.base_digest, slots, resources)) continue;
    if (patch.result && is_here(patch.result->digest, slots, resources)) continue;  // or steps could lead in a circle
    const auto path = path_from(patch, wish, resources);
    if (path && path->left < (best ? best->left : below_bytes)) best = path;
  }
  return best;
}

// Whether `need` fits, perhaps after the target slot was cleared.
bool fits(Plan& plan, std::uint64_t need, std::uint64_t reclaimable, const PlanResources& resources) {
  if (need <= resources.free_bytes) return true;
  plan.clear_target = reclaimable > 0 && need <= resources.free_bytes + reclaimable;
  return plan.clear_target;
}

}  // namespace

bool is_streamed(const wire::PatchOffer& patch) {
  const CodecFacts* facts = find_codec(patch.codec);
  return facts != nullptr && facts->is_streamed;
}

const wire::BlobRef& result_of(const wire::PatchOffer& patch, const wire::DesiredModel& wish) {
  return patch.result ? *patch.result : wish.artifact;
}

Result<Plan> make_plan(const wire::DesiredModel& wish, const Slots& slots, SlotName target,
                       const PlanResources& resources) {
  const std::uint64_t have = std::min(wish.artifact.size, resources.have_bytes);
  const std::uint64_t left = wish.artifact.size - have;
  const std::uint64_t besides = sum(resources.dataset_bytes, resources.reserve_bytes);
  const std::uint64_t in_target = slots.at(target) ? slots.at(target)->size : 0;
  Plan plan;
  if (const auto path = resources.patches_allowed ? shortest_path(wish, slots, resources, left) : std::nullopt) {
    const bool base_is_in_target = slots.at(target) && slots.at(target)->digest == path->first->base_digest;
    const std::uint64_t need = path->on_disk - std::min(path->on_disk, have);
    if (fits(plan, sum(need, besides), base_is_in_target ? 0 : in_target, resources)) {
      plan.source = Source::patch;
      plan.patch = *path->first;
      return plan;
    }
  }
  if (fits(plan, sum(left, besides), in_target, resources)) return plan;
  return make_error(Errc::out_of_space, "version " + wish.version + " needs " + std::to_string(sum(left, besides)) +
                                            " bytes, " + std::to_string(resources.free_bytes) +
                                            " are free: make room on the device's disk and try again");
}

}  // namespace argosy::agent

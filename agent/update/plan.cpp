#include "agent/update/plan.hpp"

#include <algorithm>
#include <limits>

#include "common/delta/patch_codec.hpp"

namespace argosy::agent {

namespace {

bool is_known(const wire::PatchOffer& patch) {
  return find_codec(patch.codec) != nullptr;
}

bool is_here(const std::string& digest, const Slots& slots, const Means& means) {
  return slots.holding(digest) || means.results.contains(digest);
}

// Whoever made the offer says how much it is: what is absurd must not come out small.
std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

std::uint64_t bytes_left(const wire::PatchOffer& patch, const Means& means) {
  const auto applied = means.applied.find(patch.blob.digest);
  return patch.blob.size - (applied == means.applied.end() ? 0 : std::min(applied->second, patch.blob.size));
}

// A patch, or two in a row.
struct Way {
  const wire::PatchOffer* first = nullptr;
  std::uint64_t left = 0;     // bytes still to be fetched
  std::uint64_t on_disk = 0;  // bytes that it takes while it goes on
};

std::uint64_t room_for(const wire::PatchOffer& patch, const wire::DesiredModel& wish) {
  return sum(result_of(patch, wish).size, is_streamed(patch) ? 0 : patch.blob.size);
}

std::optional<Way> way_from(const wire::PatchOffer& first, const wire::DesiredModel& wish, const Means& means) {
  Way way{&first, bytes_left(first, means), room_for(first, wish)};
  if (!first.result) return way;
  const wire::PatchOffer* last = nullptr;
  for (const wire::PatchOffer& next : wish.patches)
    if (is_known(next) && !next.result && next.base_digest == first.result->digest &&
        (last == nullptr || next.blob.size < last->blob.size))
      last = &next;
  if (last == nullptr) return std::nullopt;
  way.left = sum(way.left, bytes_left(*last, means));
  way.on_disk = sum(way.on_disk, room_for(*last, wish));
  return way;
}

std::optional<Way> shortest_way(const wire::DesiredModel& wish, const Slots& slots, const Means& means,
                                std::uint64_t below_bytes) {
  std::optional<Way> best;
  for (const wire::PatchOffer& patch : wish.patches) {
    if (!is_known(patch) || !is_here(patch.base_digest, slots, means)) continue;
    if (patch.result && is_here(patch.result->digest, slots, means)) continue;  // or steps could lead in a circle
    const auto way = way_from(patch, wish, means);
    if (way && way->left < (best ? best->left : below_bytes)) best = way;
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

bool is_streamed(const wire::PatchOffer& patch) {
  const CodecFacts* facts = find_codec(patch.codec);
  return facts != nullptr && facts->is_streamed;
}

const wire::BlobRef& result_of(const wire::PatchOffer& patch, const wire::DesiredModel& wish) {
  return patch.result ? *patch.result : wish.artifact;
}

Result<Plan> make_plan(const wire::DesiredModel& wish, const Slots& slots, SlotName target, const Means& means) {
  const std::uint64_t have = std::min(wish.artifact.size, means.have_bytes);
  const std::uint64_t left = wish.artifact.size - have;
  const std::uint64_t besides = sum(means.dataset_bytes, means.reserve_bytes);
  const std::uint64_t in_target = slots.at(target) ? slots.at(target)->size : 0;
  Plan plan;
  if (const auto way = means.patches_allowed ? shortest_way(wish, slots, means, left) : std::nullopt) {
    const bool base_is_in_target = slots.at(target) && slots.at(target)->digest == way->first->base_digest;
    const std::uint64_t need = way->on_disk - std::min(way->on_disk, have);
    if (fits(plan, sum(need, besides), base_is_in_target ? 0 : in_target, means)) {
      plan.source = Source::patch;
      plan.patch = *way->first;
      return plan;
    }
  }
  if (fits(plan, sum(left, besides), in_target, means)) return plan;
  return make_error(Errc::out_of_space, "version " + wish.version + " needs " + std::to_string(sum(left, besides)) +
                                            " bytes, " + std::to_string(means.free_bytes) +
                                            " are free: make room on the device's disk and try again");
}

}  // namespace argosy::agent

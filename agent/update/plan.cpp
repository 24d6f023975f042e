#include "agent/update/plan.hpp"

#include <algorithm>
#include <utility>

#include "common/delta/patch_codec.hpp"

namespace argosy::agent {

namespace {

bool is_known(const wire::PatchOffer& patch) {
  return find_codec(patch.codec) != nullptr;
}

// Which slots' files may be built upon: what is in the target has to go where room is short.
enum class Bases : std::uint8_t { all, outside_target, none };

struct Disk {
  const Slots& slots;
  SlotName target;
  const PlanResources& resources;
  Bases bases = Bases::all;

  bool is_in_slot(const std::string& digest) const {
    const auto slot = slots.holding(digest);
    return slot && bases != Bases::none && (bases == Bases::all || *slot != target);
  }
  bool is_here(const std::string& digest) const { return is_in_slot(digest) || resources.results.contains(digest); }
};

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

std::uint64_t room_for(const wire::PatchOffer& patch, const wire::BlobRef& file) {
  return sum(result_of(patch, file).size, is_streamed(patch) ? 0 : patch.blob.size);
}

using Offers = std::vector<wire::PatchOffer>;

std::optional<PatchPath> path_from(const wire::PatchOffer& first, const Offers& offers, const wire::BlobRef& file,
                                   const PlanResources& resources) {
  PatchPath path{&first, bytes_left(first, resources), room_for(first, file)};
  if (!first.result) return path;
  const wire::PatchOffer* last = nullptr;
  for (const wire::PatchOffer& next : offers)
    if (is_known(next) && !next.result && next.base_digest == first.result->digest &&
        (last == nullptr || next.blob.size < last->blob.size))
      last = &next;
  if (last == nullptr) return std::nullopt;
  path.left = sum(path.left, bytes_left(*last, resources));
  path.on_disk = sum(path.on_disk, room_for(*last, file));
  return path;
}

std::optional<PatchPath> shortest_path(const Offers& offers, const wire::BlobRef& file, const Disk& disk,
                                       std::uint64_t below_bytes) {
  std::optional<PatchPath> best;
  for (const wire::PatchOffer& patch : offers) {
    if (!is_known(patch) || !disk.is_here(patch.base_digest)) continue;
    if (patch.result && disk.is_here(patch.result->digest)) continue;  // or steps could lead in a circle
    const auto path = path_from(patch, offers, file, disk.resources);
    if (path && path->left < (best ? best->left : below_bytes)) best = path;
  }
  return best;
}

// How one file comes, and the room that it takes.
struct Way {
  Source source = Source::full;
  const wire::PatchOffer* patch = nullptr;
  std::uint64_t need = 0;
  bool builds_on_target = false;
};

Way way_to(const wire::BlobRef& file, const Offers& offers, std::size_t index, const Disk& disk) {
  const std::uint64_t have = std::min(file.size, disk.resources.have_bytes[index]);
  const std::uint64_t left = file.size - have;
  const bool may_build = disk.bases != Bases::none && !disk.resources.whole_only[index];
  if (may_build && disk.is_in_slot(file.digest))  // another name of the same file takes no room
    return {Source::local, nullptr, 0, disk.slots.holding(file.digest) == disk.target};
  const auto path = may_build ? shortest_path(offers, file, disk, left) : std::nullopt;
  if (!path) return {Source::full, nullptr, left, false};
  const bool builds_on_target = disk.slots.holding(path->first->base_digest) == disk.target;
  return {Source::patch, path->first, path->on_disk - std::min(path->on_disk, have), builds_on_target};
}

struct Ways {
  Plan plan;
  std::uint64_t need = 0;
  bool build_on_target = false;
};

Ways ways_on(const Disk& disk, const wire::DesiredModel& wish) {
  Ways ways;
  bool is_first = true;
  const std::vector<wire::Part> files = files_of(wish);
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (disk.resources.have_bytes[i] == files[i].blob.size) continue;
    const Way way = way_to(files[i].blob, patches_to(wish, i), i, disk);
    ways.need = sum(ways.need, way.need);
    ways.build_on_target = ways.build_on_target || way.builds_on_target;
    if (std::exchange(is_first, false))
      ways.plan = {i, way.source, way.patch ? std::optional(*way.patch) : std::nullopt, false};
  }
  return ways;
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

const wire::BlobRef& result_of(const wire::PatchOffer& patch, const wire::BlobRef& file) {
  return patch.result ? *patch.result : file;
}

Result<Plan> make_plan(const wire::DesiredModel& wish, const Slots& slots, SlotName target,
                       const PlanResources& resources) {
  const std::uint64_t besides = sum(resources.dataset_bytes, resources.reserve_bytes);
  const std::uint64_t in_target = slots.at(target) ? size_of(files_of(*slots.at(target))) : 0;
  std::uint64_t need = 0;
  for (const Bases bases : {Bases::all, Bases::outside_target, Bases::none}) {
    Ways ways = ways_on({slots, target, resources, bases}, wish);
    need = sum(ways.need, besides);
    if (fits(ways.plan, need, ways.build_on_target ? 0 : in_target, resources)) return std::move(ways.plan);
  }
  return make_error(Errc::out_of_space, "version " + wish.version + " needs " + std::to_string(need) + " bytes, " +
                                            std::to_string(resources.free_bytes) +
                                            " are free: make room on the device's disk and try again");
}

}  // namespace argosy::agent

#include "server/rollouts/rollout_preview.hpp"

#include <algorithm>

namespace argosy::server {
namespace {

LeftOut& left_out_for(RolloutPreview& preview, const std::string& reason, const std::string& message) {
  auto& list = preview.left_out;
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const LeftOut& one) { return one.reason == reason && one.message == message; });
  if (found != list.end()) return *found;
  const auto told = std::count_if(list.begin(), list.end(), [&](const auto& one) { return one.reason == reason; });
  constexpr auto last = static_cast<std::ptrdiff_t>(reasons_limit) - 1;
  if (told >= last && message != "other reasons") return left_out_for(preview, reason, "other reasons");
  return list.emplace_back(LeftOut{reason, 0, message});
}

void leave_out(RolloutPreview& preview, const std::string& reason, std::uint64_t devices, const std::string& message) {
  if (devices > 0) left_out_for(preview, reason, message).devices += devices;
}

void add_unsuited(std::vector<Unsuited>& list, const std::string& message, std::uint64_t devices) {
  auto found = std::find_if(list.begin(), list.end(), [&](const Unsuited& one) { return one.message == message; });
  if (found == list.end() && list.size() + 1 >= reasons_limit && message != "other reasons")
    return add_unsuited(list, "other reasons", devices);
  if (found == list.end()) found = list.insert(list.end(), Unsuited{message});
  found->devices += devices;
}

void add_variants(std::vector<VariantReach>& reach, const DeviceGroup& group, const Telling& telling,
                  const std::vector<Variant>& variants) {
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const std::string reason = mismatch(variants[i], group.facts.capabilities, group.facts.hardware_class);
    if (!reason.empty())
      add_unsuited(reach[i].unsuited, reason, group.devices);
    else
      reach[i].suits += group.devices;
    if (telling.variant == i) reach[i].takes += group.devices;
  }
}

// By the way that such a device would be offered first.
std::uint64_t bytes_of_patches(const std::vector<wire::PatchOffer>& offers) {
  const bool is_chain = offers.front().result.has_value() && offers.size() > 1;
  return offers[0].blob.size + (is_chain ? offers[1].blob.size : 0);
}

void add_download(DownloadPreview& download, const DeviceGroup& group, std::uint64_t devices, const Telling& telling,
                  const Downloadable& release) {
  if (telling.files.empty()) {
    download.in_other_slot += devices;
    return;
  }
  std::uint64_t bytes = 0;
  bool by_patch = false;
  bool may_get_one = false;
  for (const FileToGet& file : telling.files) {
    const PatchTaker taker{.bases = file.bases,
                           .download_bytes_per_s = group.download_bytes_per_s,
                           .architecture = group.facts.capabilities.architecture};
    const auto offers = choose_patches(release.ready_towards(file.blob.digest), file.blob, taker);
    download.full_bytes += devices * file.blob.size;
    bytes += offers.empty() ? file.blob.size : bytes_of_patches(offers);
    by_patch = by_patch || !offers.empty();
    may_get_one = may_get_one || std::any_of(file.bases.begin(), file.bases.end(),
                                             [&](const auto& base) { return release.known_files.count(base) > 0; });
  }
  DownloadShare& share = by_patch ? download.by_patch : download.whole;
  share.devices += devices;
  share.bytes += devices * bytes;
  if (!by_patch && may_get_one) download.patches_to_make += devices;
}

void examine_group(RolloutPreview& preview, const DeviceGroup& group, const Downloadable& release) {
  preview.away += group.away;
  const Telling telling = tell(release.variants, release.version, group.facts, release.parts_of);
  add_variants(preview.variants, group, telling, release.variants);
  if (!telling.variant) return leave_out(preview, "incompatible", group.devices, telling.refusal);
  const std::string version = preview.model + " " + preview.version;
  if (telling.already_installed)
    return leave_out(preview, "installed", group.devices, "they run " + version + " already");
  const std::uint64_t resting = preview.policy.include_resting ? 0 : group.resting;
  leave_out(preview, "resting", resting, "they failed with " + preview.model + " again and again, and rest");
  if (group.devices > resting) add_download(preview.download, group, group.devices - resting, telling, release);
}

}  // namespace

void examine(RolloutPreview& preview, const std::vector<DeviceGroup>& groups, const Downloadable& release) {
  for (const Variant& variant : release.variants) preview.variants.push_back({variant.name, 0, 0, {}});
  for (const DeviceGroup& group : groups) examine_group(preview, group, release);
}

}  // namespace argosy::server

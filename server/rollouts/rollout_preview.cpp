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
  const Variant& variant = release.variants[*telling.variant];
  if (telling.patch_bases.empty() && !group.facts.digest.empty()) {
    download.in_other_slot += devices;
    return;
  }
  download.full_bytes += devices * variant.size;
  const PatchTaker taker{.bases = telling.patch_bases,
                         .download_bytes_per_s = group.download_bytes_per_s,
                         .architecture = group.facts.capabilities.architecture};
  const auto offers = choose_patches(release.ready_towards(variant.digest), {variant.digest, variant.size}, taker);
  if (!offers.empty()) {
    download.by_patch.devices += devices;
    download.by_patch.bytes += devices * bytes_of_patches(offers);
    return;
  }
  download.whole.devices += devices;
  download.whole.bytes += devices * variant.size;
  const bool may_get_one = std::any_of(telling.patch_bases.begin(), telling.patch_bases.end(),
                                       [&](const auto& base) { return release.known_files.count(base) > 0; });
  if (may_get_one) download.patches_to_make += devices;
}

void examine_group(RolloutPreview& preview, const DeviceGroup& group, const Downloadable& release) {
  preview.away += group.away;
  const Telling telling = tell(release.variants, release.version, group.facts);
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

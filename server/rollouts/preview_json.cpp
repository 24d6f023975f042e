#include "server/rollouts/preview_json.hpp"

#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

using nlohmann::json;

json wave_to_json(double share, const ClassSizes& classes) {
  std::uint64_t planned = 0;
  json by_class = json::object();
  for (const auto& [name, devices] : classes) {
    planned += devices;
    if (devices > 0) by_class[name] = devices;
  }
  return {{"share", share}, {"planned", planned}, {"classes", by_class}};
}

json share_to_json(const DownloadShare& share) {
  return {{"devices", share.devices}, {"bytes", share.bytes}};
}

json reach_to_json(const VariantReach& reach) {
  json unsuited = json::array();
  for (const Unsuited& one : reach.unsuited) unsuited.push_back({{"devices", one.devices}, {"message", one.message}});
  return {{"name", reach.name}, {"suits", reach.suits}, {"takes", reach.takes}, {"unsuited", unsuited}};
}

}  // namespace

json preview_to_json(const RolloutPreview& preview) {
  json waves = json::array();
  for (std::size_t i = 0; i < preview.waves.size(); ++i)
    waves.push_back(wave_to_json(preview.shares[i], preview.waves[i]));
  json left_out = json::array();
  for (const auto& one : preview.left_out)
    left_out.push_back({{"reason", one.reason}, {"devices", one.devices}, {"message", one.message}});
  json variants = json::array();
  for (const VariantReach& reach : preview.variants) variants.push_back(reach_to_json(reach));
  const DownloadPreview& download = preview.download;
  return {{"model", preview.model},
          {"version", preview.version},
          {"filter", preview.filter},
          {"policy", encode(preview.policy)},
          {"devices", preview.devices},
          {"away", preview.away},
          {"unexamined", preview.unexamined},
          {"waves", waves},
          {"reach", preview.reach ? encode(*preview.reach) : json()},
          {"refused", preview.refused.empty() ? json() : json(preview.refused)},
          {"variants", variants},
          {"download",
           {{"bytes", download.by_patch.bytes + download.whole.bytes},
            {"full_bytes", download.full_bytes},
            {"by_patch", share_to_json(download.by_patch)},
            {"whole", share_to_json(download.whole)},
            {"in_other_slot", download.in_other_slot},
            {"patches_to_make", download.patches_to_make}}},
          {"left_out", left_out},
          {"warnings", preview.warnings}};
}

}  // namespace argosy::server

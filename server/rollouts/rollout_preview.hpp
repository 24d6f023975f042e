// What a rollout would be, told without making it: its waves by class of hardware, what its canary can find out, what
// would be downloaded, and who is left out. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/models/patch_choice.hpp"
#include "server/models/variant.hpp"
#include "server/rollouts/core/policy.hpp"
#include "server/rollouts/core/variant_plan.hpp"
#include "server/rollouts/core/wave_plan.hpp"
#include "server/rollouts/guards/canary_reach.hpp"

namespace argosy::server {

struct DeviceGroup {  // devices that are alike in all that counts here
  DeviceFacts facts;
  std::optional<std::uint64_t> download_bytes_per_s;  // their mean
  std::uint64_t devices = 0;
  std::uint64_t resting = 0;  // of these: they failed with the model again and again
  std::uint64_t away = 0;     // of these: they cannot be reached now
};

struct DownloadShare {
  std::uint64_t devices = 0;
  std::uint64_t bytes = 0;
};

struct DownloadPreview {
  DownloadShare by_patch;  // that are ready now, for one of its files at least
  DownloadShare whole;
  std::uint64_t in_other_slot = 0;    // devices that have the file, and download nothing
  std::uint64_t full_bytes = 0;       // what whole files would be for all that download
  std::uint64_t patches_to_make = 0;  // devices under `whole` for which a patch may be made before their turn
};

struct LeftOut {       // never told of it, or not for a while
  std::string reason;  // revoked, incompatible, resting, installed
  std::uint64_t devices = 0;
  std::string message;
};

struct Unsuited {
  std::string message;  // "needs jetpack >=5.1,<6, the device has 4.6.1"
  std::uint64_t devices = 0;
};

struct VariantReach {
  std::string name;
  std::uint64_t suits = 0;         // devices that could run it
  std::uint64_t takes = 0;         // of these: no other variant goes before it
  std::vector<Unsuited> unsuited;  // why the others could not; at most reasons_limit
};

struct RolloutPreview {
  std::string model;
  std::string version;
  std::string filter;
  Policy policy;
  std::uint64_t devices = 0;
  std::uint64_t away = 0;        // of these: they follow when they are seen
  std::uint64_t unexamined = 0;  // of these: over the groups that are looked at, and in neither of the following
  std::vector<double> shares;    // of the waves, cumulative
  std::vector<ClassSizes> waves;
  std::optional<CanaryReach> reach;    // nothing without guards, or devices
  std::string refused;                 // why it could not be made; empty: it could
  std::vector<VariantReach> variants;  // in the release's order; of the devices that were looked at
  DownloadPreview download;
  std::vector<LeftOut> left_out;
  std::vector<std::string> warnings;
};

inline constexpr std::size_t reasons_limit = 10;  // of devices that a variant, or none, suits, each told apart

struct Downloadable {
  const std::vector<Variant>& variants;
  std::string version;
  std::set<std::string> known_files;  // from which patches can be made
  std::function<std::vector<ReadyPatch>(const std::string& digest)> ready_towards;
  PartsOf parts_of = {};
};
// Adds which variants suit these devices, what they would download, and who of them is left out.
void examine(RolloutPreview& preview, const std::vector<DeviceGroup>& groups, const Downloadable& release);

}  // namespace argosy::server

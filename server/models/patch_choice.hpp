// Which patches a device is offered: those by which it has the new file sooner than by the whole file. Pure.
//
// cost = bytes / what its link reaches + bytes to rebuild or to check / what such a device manages
//
// What one core of x86-64 manages stands by codec in common/delta/patch_codec.hpp. Other machines are taken as a
// quarter as fast, an unknown link as 8 Mbit/s, and one over 200 Mbit/s as that: the server's own link is shared by all
// that update at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/wire/desired.hpp"

namespace argosy::server {

inline constexpr std::uint64_t default_link_bytes_per_s = 1'000'000;
inline constexpr std::uint64_t fastest_link_bytes_per_s = 25'000'000;
inline constexpr std::size_t max_direct_offers = 3;
// A device that waits for a better patch goes at once by what is ready when that costs at most this part of the whole
// file: what is still to be saved is less than what is saved already.
inline constexpr double soon_enough_share = 0.5;

struct ReadyPatch {
  std::string from_digest;
  std::string codec;
  wire::BlobRef blob;
  wire::BlobRef result;
};

struct PatchTaker {                     // the device
  std::vector<std::string> bases = {};  // digests of the files in its slots
  std::optional<std::uint64_t> download_bytes_per_s = {};
  std::string architecture = "x86_64";
};

double seconds_for_whole(std::uint64_t bytes, const PatchTaker& taker);
double seconds_for_patch(std::string_view codec, std::uint64_t patch_bytes, std::uint64_t result_bytes,
                         const PatchTaker& taker);

// Of `ready`, which may hold patches from and to any file: the direct ones that cost less than the whole file, cheapest
// first, at most max_direct_offers; before them a chain of two, when that costs less than each of them and the whole.
// The first offer of a chain names what it makes, the second follows it.
std::vector<wire::PatchOffer> choose_patches(const std::vector<ReadyPatch>& ready, const wire::BlobRef& artifact,
                                             const PatchTaker& taker);
// Whether what is ready serves the device so well that it need not wait for better (soon_enough_share).
bool is_soon_enough(const std::vector<ReadyPatch>& ready, const wire::BlobRef& artifact, const PatchTaker& taker);
// Whether the first way of `offers`, as choose_patches() orders them, leads over this patch.
bool leads_over(const std::vector<wire::PatchOffer>& offers, const std::string& patch_digest);

}  // namespace argosy::server

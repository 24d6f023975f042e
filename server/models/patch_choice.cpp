#include "server/models/patch_choice.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace argosy::server {

namespace {

constexpr double checked_bytes_per_s = 400e6;
constexpr double slowest_rebuild_bytes_per_s = 100e6;
constexpr std::array<std::pair<std::string_view, double>, 4> rebuilt_bytes_per_s = {{
    {"tensor", 100e6},
    {"bsdiff", 100e6},
    {"zstd-from", 300e6},
    {"zstd", 300e6},
}};
constexpr double slowness_elsewhere = 4;

double slowness(const PatchTaker& taker) {
  return taker.architecture == "x86_64" ? 1 : slowness_elsewhere;
}

double seconds_on_link(std::uint64_t bytes, const PatchTaker& taker) {
  const std::uint64_t rate = std::clamp<std::uint64_t>(taker.download_bytes_per_s.value_or(default_link_bytes_per_s), 1,
                                                       fastest_link_bytes_per_s);
  return static_cast<double>(bytes) / static_cast<double>(rate);
}

double rebuild_rate(std::string_view codec) {
  for (const auto& [name, rate] : rebuilt_bytes_per_s)
    if (name == codec) return rate;
  return slowest_rebuild_bytes_per_s;
}

struct Way {
  double seconds = 0;
  const ReadyPatch* first = nullptr;
  const ReadyPatch* second = nullptr;  // null: the first makes the artifact
};

bool cheaper(const Way& a, const Way& b) {
  if (a.seconds != b.seconds) return a.seconds < b.seconds;
  return std::pair(a.first->from_digest, a.first->blob.digest) < std::pair(b.first->from_digest, b.first->blob.digest);
}

double cost(const ReadyPatch& patch, const PatchTaker& taker) {
  return seconds_for_patch(patch.codec, patch.blob.size, patch.result.size, taker);
}

bool holds(const PatchTaker& taker, const std::string& digest) {
  return std::find(taker.bases.begin(), taker.bases.end(), digest) != taker.bases.end();
}

wire::PatchOffer offer(const ReadyPatch& patch, bool is_step) {
  wire::PatchOffer made;
  made.base_digest = patch.from_digest;
  made.codec = patch.codec;
  made.blob = patch.blob;
  if (is_step) made.result = patch.result;
  return made;
}

// The cheapest of two patches, under `limit` seconds.
std::optional<Way> cheapest_chain(const std::vector<ReadyPatch>& ready, const std::string& target,
                                  const PatchTaker& taker, double limit) {
  std::optional<Way> best;
  for (const ReadyPatch& last : ready) {
    if (last.result.digest != target || holds(taker, last.from_digest)) continue;
    for (const ReadyPatch& first : ready) {
      if (first.result.digest != last.from_digest || !holds(taker, first.from_digest)) continue;
      const Way way{cost(first, taker) + cost(last, taker), &first, &last};
      if (way.seconds < limit && (!best || cheaper(way, *best))) best = way;
    }
  }
  return best;
}

}  // namespace

double seconds_for_whole(std::uint64_t bytes, const PatchTaker& taker) {
  return seconds_on_link(bytes, taker) + static_cast<double>(bytes) / checked_bytes_per_s * slowness(taker);
}

double seconds_for_patch(std::string_view codec, std::uint64_t patch_bytes, std::uint64_t result_bytes,
                         const PatchTaker& taker) {
  return seconds_on_link(patch_bytes, taker) +
         static_cast<double>(result_bytes) / rebuild_rate(codec) * slowness(taker);
}

std::vector<wire::PatchOffer> choose_patches(const std::vector<ReadyPatch>& ready, const wire::BlobRef& artifact,
                                             const PatchTaker& taker) {
  if (holds(taker, artifact.digest)) return {};
  const double whole = seconds_for_whole(artifact.size, taker);
  std::vector<Way> direct;
  for (const ReadyPatch& patch : ready) {
    if (patch.result.digest != artifact.digest || !holds(taker, patch.from_digest)) continue;
    const Way way{cost(patch, taker), &patch, nullptr};
    if (way.seconds < whole) direct.push_back(way);
  }
  std::sort(direct.begin(), direct.end(), cheaper);
  if (direct.size() > max_direct_offers) direct.resize(max_direct_offers);

  std::vector<wire::PatchOffer> offers;
  const double limit = direct.empty() ? whole : direct.front().seconds;
  if (const auto chain = cheapest_chain(ready, artifact.digest, taker, limit)) {
    offers.push_back(offer(*chain->first, true));
    offers.push_back(offer(*chain->second, false));
  }
  for (const Way& way : direct) offers.push_back(offer(*way.first, false));
  return offers;
}

}  // namespace argosy::server

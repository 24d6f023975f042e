#include "server/models/patch_choice.hpp"

#include <algorithm>
#include <utility>

#include "common/delta/patch_codec.hpp"

namespace argosy::server {

namespace {

// By one core of x86-64; what rebuilding manages stands by codec in patch_codec.hpp.
constexpr double checked_bytes_per_s = 400e6;
constexpr std::uint64_t slowest_rebuild_bytes_per_s = 100'000'000;
constexpr double slowness_elsewhere = 4;

double slowness(const PatchTaker& taker) {
  return taker.architecture == "x86_64" ? 1 : slowness_elsewhere;
}

double seconds_on_link(std::uint64_t bytes, const PatchTaker& taker) {
  const std::uint64_t rate = std::clamp<std::uint64_t>(taker.download_bytes_per_s.value_or(default_link_bytes_per_s), 1,
                                                       fastest_link_bytes_per_s);
  return static_cast<double>(bytes) / static_cast<double>(rate);
}

double rebuild_rate(std::string_view name) {
  const CodecFacts* facts = find_codec(name);
  return static_cast<double>(facts != nullptr ? facts->rebuilt_bytes_per_s : slowest_rebuild_bytes_per_s);
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

bool has_file(const PatchTaker& taker, const std::string& digest) {
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
    if (last.result.digest != target || has_file(taker, last.from_digest)) continue;
    for (const ReadyPatch& first : ready) {
      if (first.result.digest != last.from_digest || !has_file(taker, first.from_digest)) continue;
      const Way way{cost(first, taker) + cost(last, taker), &first, &last};
      if (way.seconds < limit && (!best || cheaper(way, *best))) best = way;
    }
  }
  return best;
}

// The ways that cost less than the whole file.
struct Ways {
  std::vector<Way> direct;   // cheapest first
  std::optional<Way> chain;  // cheaper than each of them
};

Ways ways_to(const wire::BlobRef& artifact, const std::vector<ReadyPatch>& ready, const PatchTaker& taker) {
  if (has_file(taker, artifact.digest)) return {};
  const double whole = seconds_for_whole(artifact.size, taker);
  Ways ways;
  for (const ReadyPatch& patch : ready) {
    if (patch.result.digest != artifact.digest || !has_file(taker, patch.from_digest)) continue;
    const Way way{cost(patch, taker), &patch, nullptr};
    if (way.seconds < whole) ways.direct.push_back(way);
  }
  std::sort(ways.direct.begin(), ways.direct.end(), cheaper);
  const double limit = ways.direct.empty() ? whole : ways.direct.front().seconds;
  ways.chain = cheapest_chain(ready, artifact.digest, taker, limit);
  return ways;
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
  const Ways ways = ways_to(artifact, ready, taker);
  std::vector<wire::PatchOffer> offers;
  if (ways.chain) {
    offers.push_back(offer(*ways.chain->first, true));
    offers.push_back(offer(*ways.chain->second, false));
  }
  for (std::size_t i = 0; i < std::min(ways.direct.size(), max_direct_offers); ++i)
    offers.push_back(offer(*ways.direct[i].first, false));
  return offers;
}

bool is_soon_enough(const std::vector<ReadyPatch>& ready, const wire::BlobRef& artifact, const PatchTaker& taker) {
  const Ways ways = ways_to(artifact, ready, taker);
  if (!ways.chain && ways.direct.empty()) return false;
  const double cheapest = ways.chain ? ways.chain->seconds : ways.direct.front().seconds;
  return cheapest <= soon_enough_share * seconds_for_whole(artifact.size, taker);
}

bool leads_over(const std::vector<wire::PatchOffer>& offers, const std::string& patch_digest) {
  if (offers.empty()) return false;
  if (offers[0].blob.digest == patch_digest) return true;
  return offers[0].result && offers.size() > 1 && offers[1].blob.digest == patch_digest;
}

}  // namespace argosy::server

#include "server/rollouts/core/wave_plan.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "common/base/random.hpp"
#include "common/stats/reach.hpp"

namespace argosy::server {
namespace {

struct Place {
  double order = 0;  // (rank inside the class + 1/2) / size of the class
  std::uint64_t class_hash = 0;
  std::string_view device;
};

std::vector<Place> deal(std::uint64_t seed, const std::vector<Candidate>& devices) {
  std::map<std::string_view, std::vector<std::pair<std::uint64_t, std::string_view>>> classes;
  for (const auto& candidate : devices) {
    classes[candidate.hardware_class].emplace_back(stable_hash(seed, candidate.device), candidate.device);
  }
  std::vector<Place> places;
  places.reserve(devices.size());
  for (auto& [name, members] : classes) {
    std::sort(members.begin(), members.end());
    const auto class_hash = stable_hash(seed, name);
    for (std::size_t rank = 0; rank < members.size(); ++rank) {
      const double order = (static_cast<double>(rank) + 0.5) / static_cast<double>(members.size());
      places.push_back({order, class_hash, members[rank].second});
    }
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tie(a.order, a.class_hash, a.device) < std::tie(b.order, b.class_hash, b.device);
  });
  return places;
}

std::size_t end_of_wave(double share, std::size_t devices, bool first) {
  const auto rounded = static_cast<std::size_t>(std::floor(share * static_cast<double>(devices) + 0.5));
  return std::clamp<std::size_t>(rounded, first ? 1 : 0, devices);
}

}  // namespace

std::vector<Assignment> plan_waves(std::uint64_t seed, const std::vector<Candidate>& devices,
                                   const std::vector<double>& cumulative_shares) {
  std::vector<Assignment> plan;
  if (devices.empty() || cumulative_shares.empty()) return plan;
  plan.reserve(devices.size());
  const auto places = deal(seed, devices);
  const int last = static_cast<int>(cumulative_shares.size()) - 1;
  int wave = 0;
  auto end = end_of_wave(cumulative_shares[0], places.size(), true);
  for (std::size_t i = 0; i < places.size(); ++i) {
    while (i >= end && wave < last) {
      ++wave;
      end = end_of_wave(cumulative_shares[static_cast<std::size_t>(wave)], places.size(), false);
    }
    plan.push_back({std::string(places[i].device), wave});
  }
  return plan;
}

// Of equal claims the class whose hash is lower comes first, as in deal(): dealt_canaries() takes the first.
std::vector<ClassSizes> count_waves(std::uint64_t seed, const ClassSizes& devices,
                                    const std::vector<double>& cumulative_shares) {
  std::vector<std::pair<std::uint64_t, std::string>> order;
  for (const auto& [name, count] : devices) order.emplace_back(stable_hash(seed, name), name);
  std::sort(order.begin(), order.end());
  std::vector<std::uint64_t> sizes;
  std::uint64_t all = 0;
  for (const auto& [hash, name] : order) all += sizes.emplace_back(devices.find(name)->second);
  std::vector<ClassSizes> waves;
  std::vector<std::uint64_t> told(sizes.size(), 0);
  std::uint64_t reached = 0;
  for (const double share : cumulative_shares) {
    reached = std::max<std::uint64_t>(reached, end_of_wave(share, all, waves.empty()));
    const auto dealt = dealt_canaries(sizes, reached);
    ClassSizes& wave = waves.emplace_back();
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      wave[order[i].second] = dealt[i].canaries - told[i];
      told[i] = dealt[i].canaries;
    }
  }
  return waves;
}

}  // namespace argosy::server

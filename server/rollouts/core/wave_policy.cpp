#include "server/rollouts/core/wave_policy.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::size_t max_waves = 20;
constexpr std::int64_t most_devices_of_a_wave = 1'000'000;
constexpr double least_wave_share = 1e-6;

bool is_share(const WavePolicy& wave) {
  return !wave.devices;
}

bool grows(const WavePolicy& wave, const WavePolicy& earlier) {
  if (is_share(wave) != is_share(earlier)) return true;  // which is more is known once the devices are
  return is_share(wave) ? wave.share > earlier.share : *wave.devices > *earlier.devices;
}

const char* key_of(const WavePolicy& wave) {
  if (wave.devices) return "devices";
  return wave.per_mille ? "per_mille" : "share";
}

void read_wave(JsonReader& in, std::vector<WavePolicy>& waves) {
  WavePolicy wave;
  const int written = int{in.has("share")} + int{in.has("per_mille")} + int{in.has("devices")};
  in.check("share", written <= 1, "stands beside per_mille or devices: write one of the three");
  if (in.has("devices")) {
    in.required("devices", wave.devices.emplace(), std::int64_t{1}, most_devices_of_a_wave);
  } else if (in.has("per_mille")) {
    in.required("per_mille", wave.per_mille.emplace(), 1000 * least_wave_share, 1000.0);
    wave.share = *wave.per_mille / 1000;
  } else {
    in.required("share", wave.share, least_wave_share, 1.0);
  }
  const bool over_all = std::all_of(waves.begin(), waves.end(), [&](const auto& one) { return grows(wave, one); });
  const std::string key = key_of(wave);
  const std::string what = wave.devices ? "counts" : "shares";
  in.check(key, over_all,
           "must be over the " + std::string(wave.devices ? "count" : "share") + " of the wave before: " + what +
               " are cumulative");
  waves.push_back(wave);
}

}  // namespace

void read_waves(JsonReader& policy, std::vector<WavePolicy>& waves) {
  if (policy.has("waves")) waves.clear();
  policy.objects("waves", max_waves, [&waves](JsonReader& one) { read_wave(one, waves); });
  const bool reaches_all = !waves.empty() && is_share(waves.back()) && waves.back().share == 1.0;
  policy.check("waves", reaches_all, "must end with the share 1, or some devices get nothing");
}

json encode_waves(const std::vector<WavePolicy>& waves) {
  json list = json::array();
  for (const auto& wave : waves) {
    if (wave.devices) {
      list.push_back({{"devices", *wave.devices}});
    } else if (wave.per_mille) {
      list.push_back({{"per_mille", *wave.per_mille}});
    } else {
      list.push_back({{"share", wave.share}});
    }
  }
  return list;
}

std::vector<double> cumulative_shares(const std::vector<WavePolicy>& waves, std::int64_t devices) {
  std::vector<double> shares;
  double reached = 0;
  for (const auto& wave : waves) {
    const auto fleet = static_cast<double>(std::max<std::int64_t>(devices, 1));
    const double share = wave.devices ? std::min(1.0, static_cast<double>(*wave.devices) / fleet) : wave.share;
    reached = std::max(reached, share);
    shares.push_back(reached);
  }
  return shares;
}

}  // namespace argosy::server

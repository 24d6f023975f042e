// How many devices each wave reaches, as the operator wrote it: a share, per mille, or a count of devices, mixed as
// they like. Each is cumulative: so many devices have their turn once this wave is open. Pure. At most 20 waves; counts
// up to a million devices.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace argosy {
class JsonReader;
}

namespace argosy::server {

struct WavePolicy {
  double share = 1;                       // of all devices of the rollout; per_mille / 1000 where that was written
  std::optional<double> per_mille{};      // as it was written
  std::optional<std::int64_t> devices{};  // a count, in place of a share
  friend bool operator==(const WavePolicy&, const WavePolicy&) = default;
};

// The list `waves` of a policy: each wave over the one before that is of its kind, the last for all devices. Leaves
// `waves` as it is when the list is absent.
void read_waves(JsonReader& policy, std::vector<WavePolicy>& waves);
// Each as it was written.
nlohmann::json encode_waves(const std::vector<WavePolicy>& waves);

// Of a rollout of so many devices: never less than the wave before, at most 1. A count beyond the fleet is all of it; a
// wave that adds nobody is empty.
std::vector<double> cumulative_shares(const std::vector<WavePolicy>& waves, std::int64_t devices);

}  // namespace argosy::server

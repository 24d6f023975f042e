#include "server/telemetry/allowance.hpp"

#include <algorithm>
#include <tuple>
#include <variant>

#include "common/base/random.hpp"

namespace argosy::server {

Result<std::optional<std::string>> make_room_for_epoch(const std::vector<KnownEpoch>& known, Instant now,
                                                       const EpochAllowance& allowance) {
  if (known.size() < allowance.epochs) return std::optional<std::string>();
  const auto oldest = std::min_element(known.begin(), known.end(), [](const auto& one, const auto& other) {
    return std::tie(one.used_at, one.epoch) < std::tie(other.used_at, other.epoch);
  });
  if (now - oldest->used_at >= allowance.unused) return std::optional(oldest->epoch);
  return make_error(Errc::unprocessable,
                    "the device has used " + std::to_string(known.size()) + " epochs within two weeks, and may have " +
                        std::to_string(allowance.epochs) + "; is its disk made anew at each start?");
}

Result<void> PairAllowance::check(const wire::TelemetryBatch& batch, Instant now) {
  Known& known_device = known_of(batch.device);
  std::vector<Spoken> pairs = known_device.pairs;
  for (const wire::TelemetryRecord& record : batch.records) {
    const auto* window = std::get_if<wire::InferenceWindow>(&record.content);
    if (window == nullptr) continue;
    const std::uint64_t pair = stable_hash(stable_hash(0, window->model), window->version);
    const auto known = std::find_if(pairs.begin(), pairs.end(), [pair](const auto& one) { return one.pair == pair; });
    if (known != pairs.end()) {
      known->at = now;
      continue;
    }
    if (pairs.size() >= limits_.pairs)
      std::erase_if(pairs, [&](const auto& one) { return now - one.at > limits_.unused; });
    if (pairs.size() >= limits_.pairs)
      return make_error(Errc::unprocessable, "the device speaks of more than " + std::to_string(limits_.pairs) +
                                                 " versions of models within a day, and may speak of so many");
    pairs.push_back({pair, now});
  }
  known_device.pairs = std::move(pairs);
  return {};
}

PairAllowance::Known& PairAllowance::known_of(const std::string& device) {
  const auto found = by_device_.find(device);
  if (found != by_device_.end()) {
    order_.splice(order_.begin(), order_, found->second);
    return order_.front();
  }
  if (order_.size() >= limits_.devices) {
    by_device_.erase(order_.back().device);
    order_.pop_back();
  }
  order_.push_front({device, {}});
  by_device_.emplace(order_.front().device, order_.begin());
  return order_.front();
}

}  // namespace argosy::server

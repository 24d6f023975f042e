// What one device's telemetry adds up to on one side of a comparison. Windows and health samples only sharpen it: a
// device counts once, however much it sends. Pure; a value, merged without loss, some hundred bytes when encoded.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/stats/device_rows.hpp"
#include "common/stats/log_histogram.hpp"
#include "common/wire/health.hpp"
#include "server/drift/contract_watch.hpp"
#include "server/drift/drift.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

struct Figures {
  static constexpr std::size_t encoded_limit = 64 << 10;  // bytes
  static constexpr std::size_t most_numbers = 32;         // names of programs' numbers; more are left out
  static constexpr std::size_t most_features = 16;        // more are left out, and those with more bins
  static constexpr std::size_t most_bins = 66;

  std::uint64_t windows = 0;
  Duration exposure{0};  // the length of these windows together
  std::uint64_t count = 0;
  std::uint64_t errors = 0;
  std::uint64_t labelled = 0;
  std::uint64_t correct = 0;
  LogHistogram latency{};  // ms
  WeightedMean memory_mb{};
  WeightedMean temperature_c{};
  WeightedMean power_w{};
  WeightedMean confidence{};
  std::map<std::string, WeightedMean> numbers{};  // of the program, by name
  // By name, over the bins that came with the release; kept where a guard compares drift.
  std::map<std::string, std::vector<std::uint64_t>> features{};
  std::optional<DriftScore> drift{};        // of the features against the release's reference; not encoded
  std::optional<ContractScore> contract{};  // likewise against its input contract
  std::optional<Instant> last{};            // the end of the newest window

  friend bool operator==(const Figures& a, const Figures& b) { return encode(a) == encode(b); }
  friend Bytes encode(const Figures& figures);
};

void add(Figures& figures, const TakenWindow& window);
void add(Figures& figures, const wire::HealthSample& sample);
void add_features(Figures& figures, const std::vector<wire::FeatureCounts>& features);

Bytes encode(const Figures& figures);
Result<Figures> decode_figures(ByteView bytes);  // Errc::corrupt with the reason

}  // namespace argosy::server

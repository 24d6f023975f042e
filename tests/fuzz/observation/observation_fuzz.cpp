// The fuzz target of the agent's socket, and of its owner's command, in libFuzzer's form: whatever a program sends, it
// is refused or counted, and the window that it is counted in is one that the server takes.
#include <cstdint>
#include <limits>

#include "agent/telemetry/observation.hpp"
#include "agent/telemetry/readings.hpp"
#include "agent/telemetry/window_accumulator.hpp"
#include "common/base/id.hpp"
#include "tests/support/promise.hpp"

using namespace argosy;
using namespace argosy::agent;
using argosy::test::promise;

namespace {

void check(const Observation& seen) {
  promise(is_name(seen.model), "a model's name");
  promise(seen.release.empty() || is_version(seen.release), "a version or none");
  promise(seen.features.size() <= 256, "features with a limit");
  promise(seen.tags.size() <= wire::most_tag_keys && seen.runtime.size() <= wire::most_word_bytes,
          "words with a limit");
  for (const auto& label : {seen.predicted, seen.label})
    promise(!label || (*label >= std::numeric_limits<int>::min() && *label <= std::numeric_limits<int>::max()),
            "a class of 32 bits");
}

// Also with a clock that was set meanwhile, and with the features that the release asks for.
void check_windows(const Observation& seen, Instant from, Instant to) {
  WindowAccumulator windows(from);
  std::vector<wire::FeatureReference> features;
  for (std::size_t i = 0; i < std::min<std::size_t>(seen.features.size(), 64); ++i)
    features.push_back({"f" + std::to_string(i), {0, 1}, {}});
  windows.set_features(seen.model, "1.0", features);
  windows.add(seen, "1.0", to);
  for (wire::InferenceWindow& window : windows.close(to)) {
    const wire::TelemetryRecord record{1, std::move(window)};
    const auto taken = wire::decode_record(wire::encode_record(record));
    promise(taken.has_value() && *taken == record, "a window that the server takes");
  }
}

// What a command of the owner's prints, too, is refused or fits a health sample.
void check_readings(ByteView bytes) {
  const auto readings = parse_readings({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!readings) return promise(readings.error().message.size() <= 512, "a short reason");
  wire::HealthSample sample;
  sample.numbers = *readings;
  const wire::TelemetryRecord record{1, sample};
  const auto taken = wire::decode_record(wire::encode_record(record));
  promise(taken.has_value() && *taken == record, "a sample that the server takes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_readings({data, size});
  const auto seen = decode_observation({data, size});
  if (!seen) {
    promise(seen.error().message.size() <= 512, "a short reason");
    return 0;
  }
  check(*seen);
  const Instant now = instant_from_ms(1'800'000'000'000);
  check_windows(*seen, now, now + Duration{60'000});
  check_windows(*seen, now, now - Duration{60'000});
  check_windows(*seen, instant_from_ms(0), now);
  return 0;
}

#include "server/telemetry/receipt.hpp"

#include <cmath>

namespace argosy::server {

namespace {

constexpr Duration longest_way{120'000};    // a POST ends after 90 s
constexpr double longest_offset_ms = 9e14;  // no two times of the years 1970 to 9999 are farther apart

std::optional<Duration> offset_by_health(const wire::TelemetryBatch& batch) {
  for (auto record = batch.records.rbegin(); record != batch.records.rend(); ++record) {
    const auto* sample = std::get_if<wire::HealthSample>(&record->content);
    if (sample == nullptr || !sample->clock_offset_ms) continue;
    if (!(std::abs(*sample->clock_offset_ms) < longest_offset_ms)) return std::nullopt;
    return Duration{std::llround(*sample->clock_offset_ms)};
  }
  return std::nullopt;
}

// Read some minutes ago, so a clock that was set since makes it wrong; then the two differ by more than any way takes.
bool is_fresh(Duration known, Duration apparent) {
  return known - apparent >= -clock_tolerance && known - apparent <= longest_way;
}

std::optional<Duration> offset_of(const wire::TelemetryBatch& batch, Instant received_at) {
  if (!batch.sent_at) return batch.clock_offset ? batch.clock_offset : offset_by_health(batch);
  const Duration apparent = *batch.sent_at - received_at;
  return batch.clock_offset && is_fresh(*batch.clock_offset, apparent) ? *batch.clock_offset : apparent;
}

// Clocks that are nearly right are left alone.
Receipt receipt_with(Duration offset, Instant received_at) {
  const bool is_near = offset <= clock_tolerance && -offset <= clock_tolerance;
  return {received_at, is_near ? Duration::zero() : offset};
}

}  // namespace

Receipt receipt_of(Instant sent_at, Instant received_at) {
  return receipt_with(sent_at - received_at, received_at);
}

Receipt receipt_of(const wire::TelemetryBatch& batch, Instant received_at) {
  return receipt_with(offset_of(batch, received_at).value_or(Duration::zero()), received_at);
}

Instant place_in_time(Instant by_the_device, const Receipt& receipt) {
  const Instant corrected = by_the_device - receipt.clock_ahead;
  const bool says_something = corrected >= earliest_honest_time && corrected <= receipt.received_at + clock_tolerance;
  return says_something ? corrected : receipt.received_at;
}

}  // namespace argosy::server

#include "agent/telemetry/record_time.hpp"

namespace argosy::agent {

namespace {

bool is_tellable(const wire::TelemetryRecord& record) {
  if (const auto* sample = std::get_if<wire::HealthSample>(&record.content)) return is_storable(sample->at);
  const auto& window = std::get<wire::InferenceWindow>(record.content);
  return is_storable(window.started_at) && is_storable(window.ended_at);
}

}  // namespace

void shift_times(wire::TelemetryRecord& record, Duration by) {
  if (auto* sample = std::get_if<wire::HealthSample>(&record.content)) {
    sample->at += by;
    return;
  }
  auto& window = std::get<wire::InferenceWindow>(record.content);
  window.started_at += by;
  window.ended_at += by;
}

Bytes shifted_record(ByteView record, Duration by) {
  const Bytes as_it_was(record.begin(), record.end());
  auto read = wire::decode_record(record);
  if (!read) return as_it_was;
  shift_times(*read, by);
  return is_tellable(*read) ? wire::encode_record(*read) : as_it_was;
}

}  // namespace argosy::agent

#include "server/telemetry/telemetry.hpp"

#include <algorithm>

namespace argosy::server {

Continuation continue_from(const Cursor& cursor, const wire::TelemetryBatch& batch) {
  const Continuation nothing{0, 0, cursor};
  if (batch.records.empty()) return nothing;
  const auto next = std::max(cursor.seq + 1, batch.oldest);
  const auto first = batch.records.front().seq;
  const auto last = batch.records.back().seq;
  if (first > next || last < next) return nothing;
  const auto skip = static_cast<std::size_t>(next - first);
  return {skip, batch.records.size() - skip, {last, cursor.lost + (next - cursor.seq - 1)}};
}

}  // namespace argosy::server

#include "server/telemetry/telemetry.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace argosy::server {

namespace {

std::uint64_t first_of(const wire::TelemetryBatch& batch) {
  return batch.records.front().seq;
}
std::uint64_t last_of(const wire::TelemetryBatch& batch) {
  return batch.records.back().seq;
}

// Of a record of the batch, or the one before it.
wire::ChainLink link_at(const wire::TelemetryBatch& batch, std::uint64_t seq) {
  return batch.chain[seq + 1 - first_of(batch)];
}

// Whether the batch reaches the cursor and has the same link there: so all before is the same, too.
bool continues(const Cursor& cursor, const wire::TelemetryBatch& batch) {
  return first_of(batch) <= cursor.seq + 1 && last_of(batch) >= cursor.seq && link_at(batch, cursor.seq) == cursor.link;
}

Continuation nothing_of(const Cursor& cursor, const wire::TelemetryBatch& batch) {
  return {0, 0, cursor, {batch.epoch, cursor.seq, cursor.link, {}}};
}

// By the numbers alone, as of an outbox that has no chain, or whose records came without one until now.
Continuation continue_by_numbers(const Cursor& cursor, const wire::TelemetryBatch& batch) {
  const auto next = std::max(cursor.seq + 1, batch.oldest);
  const auto first = first_of(batch), last = last_of(batch);
  if (first > next || last < next) return nothing_of(cursor, batch);
  const auto skip = static_cast<std::size_t>(next - first);
  Cursor moved{last, cursor.lost + (next - cursor.seq - 1), cursor.refused, {}};
  if (!batch.chain.empty()) moved.link = batch.chain.back();
  return {skip, batch.records.size() - skip, moved, {batch.epoch, last, moved.link, {}}};
}

// All that the batch holds is beyond the cursor, and the device dropped what lay between: unstored, so it is taken
// whatever its chain. What the device does not know to be stored counts as lost, for another image of the same outbox
// may have filled those numbers.
Continuation jump_to(const Cursor& cursor, const wire::TelemetryBatch& batch) {
  const auto dropped = first_of(batch) - 1 - std::min({batch.since, cursor.seq, first_of(batch) - 1});
  const auto refused = std::min(batch.refused, dropped);
  const Cursor moved{last_of(batch), cursor.lost + dropped - refused, cursor.refused + refused, batch.chain.back()};
  return {0, batch.records.size(), moved, {batch.epoch, moved.seq, moved.link, {}}};
}

// Up to where the batch's records are the ones that are stored; what comes after belongs under a new epoch.
Continuation fork_of(const Cursor& cursor, const wire::TelemetryBatch& batch, const StoredLinks& stored) {
  const auto first = first_of(batch), last = last_of(batch);
  auto same = std::min(last, cursor.seq);
  for (; same >= first; --same) {
    const auto found = stored.find(same);
    if (found != stored.end() && found->second == link_at(batch, same)) break;
  }
  Continuation none{0, 0, cursor, {batch.epoch, same, link_at(batch, same), {}}};
  if (same == last) return none;
  none.ack.renew = wire::ChainPoint{last, batch.chain.back()};
  none.forked_at = link_at(batch, same + 1);
  return none;
}

}  // namespace

std::optional<Sequences> links_needed(const Cursor& cursor, const wire::TelemetryBatch& batch) {
  if (batch.records.empty() || batch.chain.empty() || !cursor.link) return std::nullopt;
  if (first_of(batch) > cursor.seq || continues(cursor, batch)) return std::nullopt;
  return Sequences{first_of(batch), std::min(last_of(batch), cursor.seq)};
}

Continuation continue_from(const Cursor& cursor, const wire::TelemetryBatch& batch, const StoredLinks& stored) {
  if (batch.records.empty()) return nothing_of(cursor, batch);
  const bool reaches_back = first_of(batch) <= cursor.seq + 1;
  if (batch.chain.empty() || (reaches_back && !cursor.link)) return continue_by_numbers(cursor, batch);
  if (!reaches_back) return batch.oldest < first_of(batch) ? nothing_of(cursor, batch) : jump_to(cursor, batch);
  if (!continues(cursor, batch)) return fork_of(cursor, batch, stored);
  const auto skip = static_cast<std::size_t>(cursor.seq + 1 - first_of(batch));
  const Cursor moved{last_of(batch), cursor.lost, cursor.refused, batch.chain.back()};
  return {skip, batch.records.size() - skip, moved, {batch.epoch, moved.seq, moved.link, {}}};
}

std::optional<Speaker> speak(const std::optional<Speaker>& known, const std::string& epoch, bool is_new, Instant now) {
  if (!known) return Speaker{epoch};
  if (known->epoch == epoch) return std::nullopt;
  Speaker speaker = *known;
  speaker.epoch = epoch;
  if (is_new) return speaker;
  const bool goes_on = known->returned_at && now - *known->returned_at <= Speaker::memory;
  speaker.returns = goes_on ? known->returns + 1 : 1;
  speaker.returned_at = now;
  return speaker;
}

LabelCounts labels_at_inference(const TakenWindow& window) {
  return {window.labelled, std::min(window.correct, window.labelled)};
}

LabelCounts labels_that_came_later(const TakenWindow& window) {
  const auto found = window.numbers.find(std::string(wire::labels_later));
  if (found == window.numbers.end()) return {};
  const auto& seen = found->second;
  const double right = std::clamp(seen.sum, 0.0, static_cast<double>(seen.count));
  return {seen.count, static_cast<std::uint64_t>(std::llround(right))};
}

LabelCounts all_labels(const TakenWindow& window) {
  const LabelCounts at_inference = labels_at_inference(window);
  const LabelCounts later = labels_that_came_later(window);
  return {at_inference.known + later.known, at_inference.right + later.right};
}

WeightedMean agents_number(const wire::Numbers& numbers, std::string_view name) {
  const auto found = numbers.find(std::string(name));
  return found == numbers.end() ? WeightedMean{} : mean_of(found->second);
}

WeightedMean mean_of(const wire::NumberSummary& seen) {
  return {seen.sum, static_cast<double>(seen.count)};
}

WeightedMean mean_of(const wire::Confidences& seen) {
  return {seen.sum, static_cast<double>(seen.count())};
}

}  // namespace argosy::server

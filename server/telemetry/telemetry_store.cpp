#include "server/telemetry/telemetry_store.hpp"

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/stats/log_histogram.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;
using OutboxKey = std::pair<std::string, std::string>;  // device, epoch

struct Acceptance {
  const wire::TelemetryBatch* batch = nullptr;
  Continuation continuation;
};

std::set<std::string> known_devices(pqxx::work& transaction, const std::vector<wire::TelemetryBatch>& batches) {
  auto names = json::array();
  for (const auto& batch : batches) names.push_back(batch.device);
  std::set<std::string> known;
  const auto rows = transaction.exec_params(
      "select id from devices where revoked_at is null and id in (select jsonb_array_elements_text($1::jsonb))",
      names.dump());
  for (const auto& row : rows) known.insert(row[0].as<std::string>());
  return known;
}

std::map<OutboxKey, Cursor> select_cursors_for_update(pqxx::work& transaction, const std::string& keys) {
  std::map<OutboxKey, Cursor> cursors;
  const auto rows = transaction.exec_params(
      "select c.device_id, c.epoch, c.seq, c.lost from telemetry_cursors c "
      "join jsonb_to_recordset($1::jsonb) as k(device text, epoch text) on k.device = c.device_id and k.epoch = "
      "c.epoch "
      "order by c.device_id, c.epoch for update of c",
      keys);
  for (const auto& row : rows)
    cursors[{row[0].as<std::string>(), row[1].as<std::string>()}] = {row[2].as<std::uint64_t>(),
                                                                     row[3].as<std::uint64_t>()};
  return cursors;
}

// In sorted order, so that two transactions that meet on the same devices wait instead of deadlocking.
std::map<OutboxKey, Cursor> lock_cursors(pqxx::work& transaction, const std::set<OutboxKey>& outboxes) {
  auto keys = json::array();
  for (const auto& [device, epoch] : outboxes) keys.push_back({{"device", device}, {"epoch", epoch}});
  auto cursors = select_cursors_for_update(transaction, keys.dump());
  if (cursors.size() == outboxes.size()) return cursors;
  transaction.exec_params0(
      "insert into telemetry_cursors (device_id, epoch, seq) "
      "select device, epoch, 0 from jsonb_to_recordset($1::jsonb) as k(device text, epoch text) "
      "order by device, epoch on conflict do nothing",
      keys.dump());
  return select_cursors_for_update(transaction, keys.dump());
}

void save_cursors(pqxx::work& transaction, const std::map<OutboxKey, Cursor>& cursors) {
  auto moved = json::array();
  for (const auto& [outbox, cursor] : cursors)
    moved.push_back({{"device", outbox.first}, {"epoch", outbox.second}, {"seq", cursor.seq}, {"lost", cursor.lost}});
  transaction.exec_params0(
      "update telemetry_cursors c set seq = m.seq, lost = m.lost "
      "from jsonb_to_recordset($1::jsonb) as m(device text, epoch text, seq bigint, lost bigint) "
      "where c.device_id = m.device and c.epoch = m.epoch and c.seq <> m.seq",
      moved.dump());
}

template <class Content, class Visit>
void for_each_accepted(const std::vector<Acceptance>& accepted, Visit visit) {
  for (const auto& [batch, continuation] : accepted) {
    for (std::size_t i = 0; i < continuation.take; ++i) {
      const auto& record = batch->records[continuation.skip + i];
      if (const auto* content = std::get_if<Content>(&record.content)) visit(*batch, record.seq, *content);
    }
  }
}

std::string features_json(const wire::InferenceWindow& window) {
  auto features = json::array();
  for (const auto& feature : window.features) features.push_back({{"name", feature.name}, {"counts", feature.counts}});
  return features.dump();
}

std::string classes_json(const wire::InferenceWindow& window) {
  auto classes = json::object();
  for (const auto& [label, count] : window.classes) classes[std::to_string(label)] = count;
  return classes.dump();
}

void copy_windows(pqxx::work& transaction, const std::vector<Acceptance>& accepted, StoredTelemetry& stored) {
  const std::vector<std::string> columns{"device_id", "epoch",  "seq",    "started_at", "ended_at", "model",
                                         "version",   "count",  "errors", "labelled",   "correct",  "latency",
                                         "p50_ms",    "p95_ms", "p99_ms", "features",   "classes"};
  pqxx::stream_to out(transaction, "inference_windows", columns);
  for_each_accepted<wire::InferenceWindow>(accepted, [&](const auto& batch, std::uint64_t seq, const auto& window) {
    auto latency = LogHistogram::decode(window.latency);
    // A histogram that cannot be read must not hold up the outbox behind it.
    if (!latency) ++stored.counters.malformed_histograms;
    const LogHistogram histogram = latency ? std::move(*latency) : LogHistogram{};
    out << std::make_tuple(batch.device, batch.epoch, seq, to_rfc3339(window.started_at), to_rfc3339(window.ended_at),
                           window.model, window.version, window.count, window.errors, window.labelled, window.correct,
                           "\\x" + to_hex(histogram.encode()), histogram.quantile(0.50), histogram.quantile(0.95),
                           histogram.quantile(0.99), features_json(window), classes_json(window));
    stored.windows.push_back({batch.device, window.model, window.version, window.started_at});
  });
  out.complete();
}

void copy_health(pqxx::work& transaction, const std::vector<Acceptance>& accepted) {
  const std::vector<std::string> columns{"device_id", "epoch", "seq", "at", "sample"};
  pqxx::stream_to out(transaction, "health_samples", columns);
  for_each_accepted<wire::HealthSample>(accepted, [&](const auto& batch, std::uint64_t seq, const auto& sample) {
    out << std::make_tuple(batch.device, batch.epoch, seq, to_rfc3339(sample.at), wire::health_values_json(sample));
  });
  out.complete();
}

// A repeat is a sign of life as well, so every known device is marked as seen. While a device catches up, its state
// document carries its newest health, and the samples that come are older.
void update_device_state(pqxx::work& transaction, const std::set<std::string>& devices,
                         const std::vector<Acceptance>& accepted, Instant now) {
  std::map<std::string, json> newest;
  for (const auto& device : devices) newest[device] = {{"device", device}};
  for_each_accepted<wire::HealthSample>(accepted, [&](const auto& batch, std::uint64_t, const auto& sample) {
    newest[batch.device]["health"] = json::parse(wire::health_values_json(sample));
    newest[batch.device]["at"] = to_rfc3339(sample.at);
  });
  auto news = json::array();
  for (auto& [device, entry] : newest) news.push_back(std::move(entry));
  transaction.exec_params0(
      "with news as (select * from jsonb_to_recordset($1::jsonb) as n(device text, health jsonb, at timestamptz)), "
      "locked as (select s.device_id from device_state s where s.device_id in (select device from news) "
      "           order by s.device_id for update) "
      "update device_state s set last_seen_at = greatest(s.last_seen_at, $2::timestamptz), "
      "  health = case when s.report ? 'health' then s.health else coalesce(n.health, s.health) end, "
      "  health_at = case when s.report ? 'health' then s.health_at else coalesce(n.at, s.health_at) end "
      "from news n join locked l on l.device_id = n.device where s.device_id = n.device",
      news.dump(), to_rfc3339(now));
}

}  // namespace

Result<StoredTelemetry> StoreTelemetry::operator()(pqxx::work& transaction) const {
  const auto known = known_devices(transaction, batches);
  std::set<OutboxKey> outboxes;
  for (const auto& batch : batches) {
    if (known.contains(batch.device)) outboxes.emplace(batch.device, batch.epoch);
  }
  StoredTelemetry stored;
  if (outboxes.empty()) {
    for (const auto& batch : batches)
      stored.acks.push_back(
          make_error(Errc::forbidden, "device \"" + batch.device + "\" is unknown or revoked; enrol it"));
    return stored;
  }
  auto cursors = lock_cursors(transaction, outboxes);
  std::vector<Acceptance> accepted;
  for (const auto& batch : batches) {
    if (!known.contains(batch.device)) {
      stored.acks.push_back(
          make_error(Errc::forbidden, "device \"" + batch.device + "\" is unknown or revoked; enrol it"));
      continue;
    }
    Cursor& cursor = cursors[{batch.device, batch.epoch}];
    const auto continuation = continue_from(cursor, batch);
    stored.counters.records_stored += continuation.take;
    stored.counters.records_repeated += batch.records.size() - continuation.take;
    stored.counters.records_lost += continuation.cursor.lost - cursor.lost;
    cursor = continuation.cursor;
    if (continuation.take > 0) accepted.push_back({&batch, continuation});
    stored.acks.push_back(wire::TelemetryAck{batch.epoch, cursor.seq});
  }
  if (!accepted.empty()) {
    copy_windows(transaction, accepted, stored);
    copy_health(transaction, accepted);
    save_cursors(transaction, cursors);
  }
  update_device_state(transaction, known, accepted, now);
  return stored;
}

Result<std::vector<EpochIntegrity>> ReadIntegrity::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      "with stored as (select epoch, seq from inference_windows where device_id = $1 "
      "                union all select epoch, seq from health_samples where device_id = $1), "
      "figures as (select epoch, count(*) as rows, count(distinct seq) as sequences, min(seq) as first, max(seq) as "
      "last "
      "            from stored group by epoch) "
      "select c.epoch, coalesce(f.rows, 0), coalesce(f.sequences, 0), coalesce(f.first, 0), coalesce(f.last, 0), "
      "c.lost "
      "from telemetry_cursors c left join figures f using (epoch) where c.device_id = $1 order by c.epoch",
      device);
  std::vector<EpochIntegrity> epochs;
  for (const auto& row : rows) {
    EpochIntegrity epoch;
    epoch.epoch = row[0].as<std::string>();
    epoch.stored = row[1].as<std::uint64_t>();
    const auto sequences = row[2].as<std::uint64_t>();
    epoch.first_seq = row[3].as<std::uint64_t>();
    epoch.last_seq = row[4].as<std::uint64_t>();
    epoch.lost = row[5].as<std::uint64_t>();
    epoch.duplicates = epoch.stored - sequences;
    epoch.gaps = sequences == 0 ? 0 : epoch.last_seq - epoch.first_seq + 1 - sequences;
    epochs.push_back(std::move(epoch));
  }
  if (epochs.empty() && transaction.exec_params("select 1 from devices where id = $1", device).empty())
    return make_error(Errc::not_found, "there is no device \"" + device + "\"");
  return epochs;
}

}  // namespace argosy::server

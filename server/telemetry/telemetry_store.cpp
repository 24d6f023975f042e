#include "server/telemetry/telemetry_store.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_text.hpp"
#include "common/stats/log_histogram.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/journal/journal_store.hpp"
#include "server/telemetry/allowance.hpp"
#include "server/telemetry/receipt.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;
constexpr Duration between_fork_events{3'600'000};  // of one outbox; all are counted
constexpr Duration longest_window{24 * 3'600'000};  // what a window says of its own length is believed up to here

using OutboxKey = std::pair<std::string, std::string>;  // device, epoch

struct Acceptance {
  const wire::TelemetryBatch* batch = nullptr;
  Continuation continuation;
  Receipt receipt;
};

// A record that is to be stored, and where it belongs in time.
struct Accepted {
  const wire::TelemetryBatch& batch;
  std::uint64_t seq = 0;
  std::optional<std::int64_t> link;  // as PostgreSQL takes it
  const Receipt& receipt;
};

// A cursor's row, and what a batch made of it.
struct CursorRow {
  Cursor cursor;
  std::uint64_t unread = 0;
  std::optional<wire::ChainLink> forked_at;  // the first record of the newest fork
  bool forked_lately = false;                // and was told of
  bool is_moved = false;
  std::uint64_t new_forks = 0;
};
using CursorRows = std::map<OutboxKey, CursorRow>;

std::optional<std::int64_t> signed_link(const std::optional<wire::ChainLink>& link) {
  return link ? std::optional(static_cast<std::int64_t>(*link)) : std::nullopt;
}

std::optional<wire::ChainLink> link_of(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return static_cast<wire::ChainLink>(field.as<std::int64_t>());
}

// The devices that may send, and which outbox spoke last for each.
using Speakers = std::map<std::string, std::optional<Speaker>>;

Speakers read_speakers(pqxx::work& transaction, const std::vector<wire::TelemetryBatch>& batches) {
  std::vector<std::string> names;
  for (const auto& batch : batches) names.push_back(batch.device);
  Speakers speakers;
  static const Statement find_speakers{"find_speakers", R"sql(
    select d.id, s.epoch, s.returns, s.returned_at
    from devices d
    left join telemetry_speakers s on s.device_id = d.id
    where d.revoked_at is null and d.id in (select unnest($1::text[]))
  )sql"};
  const auto rows = exec_prepared(transaction, find_speakers, pg_array(names));
  for (const auto& row : rows) {
    auto& speaker = speakers[row["id"].as<std::string>()];
    if (row["epoch"].is_null()) continue;
    speaker = Speaker{row["epoch"].as<std::string>(), row["returns"].as<int>()};
    speaker->returned_at = optional_of<Instant>(row["returned_at"]);
  }
  return speakers;
}

void save_speaker(pqxx::work& transaction, const std::string& device, const Speaker& speaker) {
  transaction.exec_params0(
      R"sql(
        insert into telemetry_speakers (device_id, epoch, returns, returned_at)
        values ($1, $2, $3, $4::timestamptz)
        on conflict (device_id) do update set epoch = excluded.epoch, returns = excluded.returns,
          returned_at = excluded.returned_at
      )sql",
      device, speaker.epoch, speaker.returns, speaker.returned_at);
}

CursorRows select_cursors_for_update(pqxx::work& transaction, const std::string& keys, Instant now) {
  CursorRows cursors;
  static const Statement lock_outboxes{"lock_outboxes", R"sql(
    select c.device_id, c.epoch, c.seq, c.lost, c.refused, c.link, c.unread, c.fork_link,
      coalesce(c.forked_at > $2::timestamptz, false) as forked_lately
    from telemetry_cursors c
    join jsonb_to_recordset($1::jsonb) as k(device text, epoch text) on k.device = c.device_id
      and k.epoch = c.epoch
    order by c.device_id, c.epoch
    for update of c
  )sql"};
  const auto rows = exec_prepared(transaction, lock_outboxes, keys, now - between_fork_events);
  for (const auto& row : rows) {
    CursorRow cursor;
    cursor.cursor = {row["seq"].as<std::uint64_t>(), row["lost"].as<std::uint64_t>(),
                     row["refused"].as<std::uint64_t>(), link_of(row["link"])};
    cursor.unread = row["unread"].as<std::uint64_t>();
    cursor.forked_at = link_of(row["fork_link"]);
    cursor.forked_lately = row["forked_lately"].as<bool>();
    cursors[{row["device_id"].as<std::string>(), row["epoch"].as<std::string>()}] = cursor;
  }
  return cursors;
}

// A device may have so many epochs, and whoever has more in use waits: nothing of what it sends is at fault.
void begin_epoch(pqxx::work& transaction, const OutboxKey& outbox, Instant now) {
  std::vector<KnownEpoch> known;
  const auto rows =
      transaction.exec_params("select epoch, received_at from telemetry_cursors where device_id = $1", outbox.first);
  for (const auto& row : rows)
    known.push_back({row[0].as<std::string>(), optional_of<Instant>(row[1]).value_or(Instant{})});
  const auto room = make_room_for_epoch(known, now);
  if (!room) return;
  if (*room)
    transaction.exec_params0("delete from telemetry_cursors where device_id = $1 and epoch = $2", outbox.first, **room);
  transaction.exec_params0(
      "insert into telemetry_cursors (device_id, epoch, seq) values ($1, $2, 0) on conflict do nothing", outbox.first,
      outbox.second);
}

// In sorted order, so that two transactions that meet on the same devices wait instead of deadlocking. An outbox for
// which there is no room is left out.
CursorRows lock_cursors(pqxx::work& transaction, const std::set<OutboxKey>& outboxes, Instant now) {
  auto keys = json::array();
  for (const auto& [device, epoch] : outboxes) keys.push_back({{"device", device}, {"epoch", epoch}});
  auto cursors = select_cursors_for_update(transaction, keys.dump(), now);
  if (cursors.size() == outboxes.size()) return cursors;
  for (const auto& outbox : outboxes)
    if (!cursors.contains(outbox)) begin_epoch(transaction, outbox, now);
  return select_cursors_for_update(transaction, keys.dump(), now);
}

void save_cursors(pqxx::work& transaction, const CursorRows& cursors, Instant now) {
  auto moved = json::array();
  for (const auto& [outbox, row] : cursors) {
    if (!row.is_moved && row.new_forks == 0) continue;
    moved.push_back({{"device", outbox.first},
                     {"epoch", outbox.second},
                     {"seq", row.cursor.seq},
                     {"lost", row.cursor.lost},
                     {"refused", row.cursor.refused},
                     {"link", json_of(signed_link(row.cursor.link))},
                     {"unread", row.unread},
                     {"forks", row.new_forks},
                     {"fork_link", json_of(signed_link(row.forked_at))},
                     {"moved", row.is_moved}});
  }
  if (moved.empty()) return;
  static const Statement move_cursors{"move_cursors", R"sql(
    update telemetry_cursors c
    set seq = m.seq, lost = m.lost, refused = m.refused, link = m.link, unread = m.unread,
      forks = c.forks + m.forks, fork_link = m.fork_link,
      forked_at = case when m.forks > 0 then $2::timestamptz else c.forked_at end,
      received_at = case when m.moved then $2::timestamptz else c.received_at end
    from jsonb_to_recordset($1::jsonb) as m(device text, epoch text, seq bigint, lost bigint,
      refused bigint, link bigint, unread bigint, forks bigint, fork_link bigint, moved boolean)
    where c.device_id = m.device and c.epoch = m.epoch
  )sql"};
  exec_prepared(transaction, move_cursors, moved.dump(), now);
}

// The stored links of these records, for the rare batch whose place the cursor alone does not tell. What this very
// transaction accepted is not in the tables yet.
StoredLinks read_links(pqxx::work& transaction, const OutboxKey& outbox, const Sequences& wanted,
                       const std::vector<Acceptance>& accepted) {
  StoredLinks links;
  const auto rows = transaction.exec_params(
      R"sql(
        select seq, link
        from inference_windows
        where device_id = $1 and epoch = $2 and seq between $3 and $4 and link is not null
        union all
        select seq, link
        from health_samples
        where device_id = $1 and epoch = $2 and seq between $3 and $4 and link is not null
      )sql",
      outbox.first, outbox.second, wanted.first, wanted.last);
  for (const auto& row : rows) links[row[0].as<std::uint64_t>()] = *link_of(row[1]);
  for (const auto& [batch, continuation, receipt] : accepted) {
    if (batch->device != outbox.first || batch->epoch != outbox.second || batch->chain.empty()) continue;
    for (std::size_t i = continuation.skip; i < continuation.skip + continuation.take; ++i)
      links[batch->records[i].seq] = batch->chain[i + 1];
  }
  return links;
}

template <class Content, class Visit>
void for_each_accepted(const std::vector<Acceptance>& accepted, Visit visit) {
  for (const auto& [batch, continuation, receipt] : accepted) {
    for (std::size_t i = continuation.skip; i < continuation.skip + continuation.take; ++i) {
      const auto& record = batch->records[i];
      const auto* content = std::get_if<Content>(&record.content);
      if (content == nullptr) continue;
      const auto link = batch->chain.empty() ? std::nullopt : signed_link(batch->chain[i + 1]);
      visit(Accepted{*batch, record.seq, link, receipt}, *content);
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

// The device's own time, kept where it is another.
std::optional<Instant> other_time(Instant by_the_device, Instant placed) {
  return by_the_device == placed ? std::nullopt : std::optional(by_the_device);
}

std::optional<std::string> bytea_or_null(const Bytes& bytes) {
  if (bytes.empty()) return std::nullopt;
  return "\\x" + to_hex(bytes);
}

void copy_windows(pqxx::work& transaction, const std::vector<Acceptance>& accepted, Instant kept_since,
                  CursorRows& cursors, StoredTelemetry& stored, TakenTelemetry& taken) {
  const std::vector<std::string> columns{
      "device_id", "epoch",    "seq",         "started_at",        "ended_at", "model",      "version", "count",
      "errors",    "labelled", "correct",     "latency",           "p50_ms",   "p95_ms",     "p99_ms",  "features",
      "classes",   "link",     "received_at", "device_started_at", "numbers",  "confidences"};
  pqxx::stream_to out(transaction, "inference_windows", columns);
  for_each_accepted<wire::InferenceWindow>(accepted, [&](const Accepted& record, const auto& window) {
    const auto& [batch, seq, link, receipt] = record;
    const Instant started_at = place_in_time(window.started_at, receipt);
    if (started_at < kept_since) {
      ++cursors[{batch.device, batch.epoch}].unread;
      return;
    }
    const Instant ended_at = started_at + std::clamp(window.ended_at - window.started_at, Duration{0}, longest_window);
    auto latency = LogHistogram::decode(window.latency);
    // A histogram that cannot be read must not hold up the outbox behind it.
    if (!latency) ++stored.counters.malformed_histograms;
    LogHistogram histogram = latency ? std::move(*latency) : LogHistogram{};
    out << std::make_tuple(batch.device, batch.epoch, seq, started_at, ended_at, window.model, window.version,
                           window.count, window.errors, window.labelled, window.correct,
                           "\\x" + to_hex(histogram.encode()), histogram.quantile(0.50), histogram.quantile(0.95),
                           histogram.quantile(0.99), features_json(window), classes_json(window), link,
                           receipt.received_at, other_time(window.started_at, started_at),
                           bytea_or_null(encode(window.numbers)), bytea_or_null(encode(window.confidences)));
    stored.windows.push_back({batch.device, window.model, window.version, started_at});
    taken.windows.push_back({batch.device, window.model, window.version, started_at, ended_at, window.count,
                             window.errors, window.labelled, window.correct, std::move(histogram), window.numbers,
                             window.confidences, window.features});
  });
  out.complete();
}

void copy_health(pqxx::work& transaction, const std::vector<Acceptance>& accepted, Instant kept_since,
                 CursorRows& cursors, TakenTelemetry& taken) {
  const std::vector<std::string> columns{"device_id", "epoch", "seq",         "at",
                                         "sample",    "link",  "received_at", "device_at"};
  pqxx::stream_to out(transaction, "health_samples", columns);
  for_each_accepted<wire::HealthSample>(accepted, [&](const Accepted& record, const auto& sample) {
    const auto& [batch, seq, link, receipt] = record;
    const Instant at = place_in_time(sample.at, receipt);
    if (at < kept_since) {
      ++cursors[{batch.device, batch.epoch}].unread;
      return;
    }
    out << std::make_tuple(batch.device, batch.epoch, seq, at, wire::health_values_json(sample), link,
                           receipt.received_at, other_time(sample.at, at));
    taken.health.push_back({batch.device, at, sample});
  });
  out.complete();
}

// A repeat is a sign of life as well, so every known device is marked as seen. While a device catches up, its state
// document carries its newest health, and the samples that come are older.
void update_device_state(pqxx::work& transaction, const std::set<std::string>& devices,
                         const std::vector<Acceptance>& accepted, Instant now) {
  std::map<std::string, json> newest;
  for (const auto& device : devices) newest[device] = {{"device", device}};
  for_each_accepted<wire::HealthSample>(accepted, [&](const Accepted& record, const auto& sample) {
    newest[record.batch.device]["health"] = json_or_null(wire::health_values_json(sample));
    newest[record.batch.device]["at"] = to_rfc3339(place_in_time(sample.at, record.receipt));
  });
  auto news = json::array();
  for (auto& [device, entry] : newest) news.push_back(std::move(entry));
  static const Statement mark_as_seen{"mark_as_seen", R"sql(
    with news as (
      select *
      from jsonb_to_recordset($1::jsonb) as n(device text, health jsonb, at timestamptz)
    ),
    locked as (
      select s.device_id
      from device_state s
      where s.device_id in (select device from news)
      order by s.device_id
      for update
    )
    update device_state s
    set last_seen_at = greatest(s.last_seen_at, $2::timestamptz),
      health = case when s.report ? 'health' then s.health else coalesce(n.health, s.health) end,
      health_at = case when s.report ? 'health' then s.health_at else coalesce(n.at, s.health_at) end
    from news n
    join locked l on l.device_id = n.device
    where s.device_id = n.device
  )sql"};
  exec_prepared(transaction, mark_as_seen, news.dump(), now);
}

// One batch after the other against its cursor, which moves on in memory.
struct Judge {
  pqxx::work& transaction;
  CursorRows& cursors;
  Speakers& speakers;
  Instant now;
  std::map<std::string, Speaker> new_speakers = {};
  std::vector<Acceptance> accepted = {};
  StoredTelemetry stored = {};

  void take(const wire::TelemetryBatch& batch) {
    const OutboxKey outbox{batch.device, batch.epoch};
    CursorRow& row = cursors[outbox];
    StoredLinks links;
    if (const auto wanted = links_needed(row.cursor, batch)) links = read_links(transaction, outbox, *wanted, accepted);
    const auto continuation = continue_from(row.cursor, batch, links);
    stored.counters.records_stored += continuation.take;
    stored.counters.records_repeated += batch.records.size() - continuation.take;
    stored.counters.records_lost += continuation.cursor.lost - row.cursor.lost;
    stored.counters.records_refused += continuation.cursor.refused - row.cursor.refused;
    note_fork(outbox, row, continuation);
    if (continuation.take > 0) note_speaker(outbox, row.cursor.seq == 0);
    row.is_moved = row.is_moved || continuation.take > 0;
    row.cursor = continuation.cursor;
    stored.acks.push_back(continuation.ack);
    if (continuation.take > 0) accepted.push_back({&batch, continuation, receipt_of(batch, now)});
  }

  // Once, however often the batch that forks is sent again.
  void note_fork(const OutboxKey& outbox, CursorRow& row, const Continuation& continuation) {
    if (!continuation.forked_at || continuation.forked_at == row.forked_at) return;
    row.forked_at = continuation.forked_at;
    ++row.new_forks;
    ++stored.counters.forks;
    if (std::exchange(row.forked_lately, true)) return;
    NewEvent event;
    event.kind = "telemetry.forked";
    event.severity = "warning";
    event.device_id = outbox.first;
    event.message =
        outbox.first +
        " sends other telemetry under numbers that are stored: its disk was restored or copied; what is new "
        "is filed under a new epoch";
    event.details_json = json{{"epoch", outbox.second}, {"stored_to", continuation.ack.seq}}.dump();
    append_event(transaction, event);
  }

  void note_speaker(const OutboxKey& outbox, bool is_new) {
    auto& known = speakers[outbox.first];
    const auto next = speak(known, outbox.second, is_new, now);
    if (!next) return;
    const bool are_two = next->returns == Speaker::returns_of_two && (!known || known->returns != next->returns);
    known = *next;
    new_speakers[outbox.first] = *next;
    if (!are_two) return;
    NewEvent event;
    event.kind = "device.identity_shared";
    event.severity = "critical";
    event.device_id = outbox.first;
    event.message = "two agents send in the name of " + outbox.first +
                    ": a card or an image with its key was copied; revoke it and enrol both anew";
    event.details_json = json{{"epoch", outbox.second}}.dump();
    append_event(transaction, event);
  }

  // In sorted order, as everywhere.
  void save_speakers() {
    for (const auto& [device, speaker] : new_speakers) save_speaker(transaction, device, speaker);
  }
};

}  // namespace

Result<StoredTelemetry> StoreTelemetry::operator()(pqxx::work& transaction) const {
  auto speakers = read_speakers(transaction, batches);
  std::set<std::string> known;
  for (const auto& [device, speaker] : speakers) known.insert(device);
  std::set<OutboxKey> outboxes;
  for (const auto& batch : batches) {
    if (known.contains(batch.device)) outboxes.emplace(batch.device, batch.epoch);
  }
  CursorRows cursors;
  if (!outboxes.empty()) cursors = lock_cursors(transaction, outboxes, now);
  Judge judge{transaction, cursors, speakers, now};
  for (const auto& batch : batches) {
    if (cursors.contains({batch.device, batch.epoch})) {
      judge.take(batch);
      continue;
    }
    judge.stored.acks.push_back(
        known.contains(batch.device)
            ? make_error(Errc::unavailable, "device \"" + batch.device + "\" begins too many epochs; send again later")
            : make_error(Errc::forbidden, "device \"" + batch.device + "\" is unknown or revoked; enrol it"));
  }
  if (!judge.accepted.empty()) {
    TakenTelemetry taken;
    copy_windows(transaction, judge.accepted, now - retention, cursors, judge.stored, taken);
    copy_health(transaction, judge.accepted, now - retention, cursors, taken);
    if (also) also->keep(transaction, taken);
  }
  save_cursors(transaction, cursors, now);
  judge.save_speakers();
  if (!known.empty()) update_device_state(transaction, known, judge.accepted, now);
  return std::move(judge.stored);
}

Result<std::vector<EpochIntegrity>> ReadIntegrity::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        with stored as (
          select epoch, seq
          from inference_windows
          where device_id = $1
          union all
          select epoch, seq
          from health_samples
          where device_id = $1
        ),
        figures as (
          select epoch, count(*) as rows, count(distinct seq) as sequences, min(seq) as first, max(seq) as last
          from stored
          group by epoch
        )
        select c.epoch, coalesce(f.rows, 0) as stored, coalesce(f.sequences, 0) as sequences,
          coalesce(f.first, 0) as first_seq, coalesce(f.last, 0) as last_seq, c.lost, c.refused, c.unread, c.forks, c.forked_at, c.received_at
        from telemetry_cursors c
        left join figures f using (epoch)
        where c.device_id = $1
        order by c.received_at nulls first, c.epoch
      )sql",
      device);
  std::vector<EpochIntegrity> epochs;
  for (const auto& row : rows) {
    EpochIntegrity epoch;
    epoch.epoch = row["epoch"].as<std::string>();
    epoch.stored = row["stored"].as<std::uint64_t>();
    const auto sequences = row["sequences"].as<std::uint64_t>();
    epoch.first_seq = row["first_seq"].as<std::uint64_t>();
    epoch.last_seq = row["last_seq"].as<std::uint64_t>();
    epoch.lost = row["lost"].as<std::uint64_t>();
    epoch.refused = row["refused"].as<std::uint64_t>();
    epoch.unread = row["unread"].as<std::uint64_t>();
    epoch.forks = row["forks"].as<std::uint64_t>();
    epoch.forked_at = optional_of<Instant>(row["forked_at"]);
    epoch.received_at = optional_of<Instant>(row["received_at"]);
    epoch.duplicates = epoch.stored - sequences;
    epoch.gaps = sequences == 0 ? 0 : epoch.last_seq - epoch.first_seq + 1 - sequences;
    epochs.push_back(std::move(epoch));
  }
  if (epochs.empty() && transaction.exec_params("select 1 from devices where id = $1", device).empty())
    return make_error(Errc::not_found, "there is no device \"" + shortened(device) + "\"");
  return epochs;
}

}  // namespace argosy::server

#include "server/telemetry/telemetry_store.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_text.hpp"
#include "common/stats/log_histogram.hpp"
#include "server/db/binary_copy.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/journal/journal_store.hpp"
#include "server/telemetry/outbox_rows_store.hpp"
#include "server/telemetry/receipt.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;
constexpr Duration longest_window{24 * 3'600'000};  // what a window says of its own length is believed up to here

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

OutboxKey outbox_of(const wire::TelemetryBatch& batch) {
  return {batch.device, batch.epoch};
}

Instant time_of(const wire::TelemetryRecord& record) {
  if (const auto* window = std::get_if<wire::InferenceWindow>(&record.content)) return window->started_at;
  return std::get<wire::HealthSample>(record.content).at;
}

template <class Content, class Visit>
void for_each_accepted(const std::vector<Acceptance>& accepted, Visit visit) {
  for (const auto& [batch, continuation, receipt] : accepted) {
    for (std::size_t i = continuation.skip; i < continuation.skip + continuation.take; ++i) {
      const auto& record = batch->records[i];
      const auto* content = std::get_if<Content>(&record.content);
      if (content == nullptr) continue;
      const auto link = batch->chain.empty() ? std::nullopt : as_stored(batch->chain[i + 1]);
      visit(Accepted{*batch, record.seq, link, receipt}, *content);
    }
  }
}

// The device's own time, kept where it is another.
std::optional<Instant> other_time(Instant by_the_device, Instant placed) {
  return by_the_device == placed ? std::nullopt : std::optional(by_the_device);
}

// Rows by their indexes, one after another in the order in which they are named: so two transactions that meet on the
// same devices wait for each other, and a plan does not hang on what the planner knows of a table that grows.
void go_by_indexes(pqxx::work& transaction) {
  transaction.exec0(
      "set local enable_hashjoin = off; set local enable_mergejoin = off; set local enable_seqscan = off");
}

// Usual batches
// ---------------------------------------------------------------------------------------------------------------

// An outbox all of whose batches plainly continue what is known of it.
struct PlainOutbox {
  Cursor from;
  Cursor to;
  std::vector<Acceptance> accepted;
};

// Whether all of the batch continues the cursor and is kept, and there is nothing else to be said of it.
bool is_plain(const Cursor& cursor, const Acceptance& acceptance, Instant kept_since) {
  const auto& [batch, continuation, receipt] = acceptance;
  const bool is_whole = continuation.skip == 0 && continuation.take == batch->records.size();
  const bool is_quiet = continuation.cursor.lost == cursor.lost && continuation.cursor.refused == cursor.refused &&
                        !continuation.forked_at && !continuation.ack.renew;
  return is_whole && is_quiet && continuation.take > 0 &&
         std::all_of(batch->records.begin(), batch->records.end(), [&, &placed_by = receipt](const auto& record) {
           return place_in_time(time_of(record), placed_by) >= kept_since;
         });
}

using PlainOutboxes = std::map<OutboxKey, PlainOutbox>;

PlainOutboxes find_plain(const StoreTelemetry& work) {
  PlainOutboxes plain;
  std::set<OutboxKey> others;
  for (const auto& shared : work.batches) {
    const auto& batch = *shared;
    const auto known = work.known.find(batch.device);
    const auto key = outbox_of(batch);
    if (known == work.known.end() || known->second.epoch != batch.epoch || others.contains(key)) continue;
    const auto at = plain.try_emplace(key, PlainOutbox{known->second.cursor, known->second.cursor, {}}).first;
    Acceptance acceptance{&batch, continue_from(at->second.to, batch), receipt_of(batch, work.now)};
    if (is_plain(at->second.to, acceptance, work.now - work.retention)) {
      at->second.to = acceptance.continuation.cursor;
      at->second.accepted.push_back(std::move(acceptance));
    } else {
      plain.erase(at);
      others.insert(key);
    }
  }
  return plain;
}

// Moves the cursors of these, and leaves out those that are not where they were believed to be.
void move_plain(pqxx::work& transaction, PlainOutboxes& plain, Instant now) {
  if (plain.empty()) return;
  std::vector<CursorMove> moves;
  for (const auto& [outbox, one] : plain) moves.push_back({outbox, one.from, one.to});
  const auto moved = move_cursors(transaction, moves, now);
  auto has_moved = moved.begin();
  std::erase_if(plain, [&has_moved](const auto&) { return !*has_moved++; });
}

// All others
// ---------------------------------------------------------------------------------------------------------------

// What this very transaction accepted is not in the tables yet.
void add_accepted_links(StoredLinks& links, const OutboxKey& outbox, const std::vector<Acceptance>& accepted) {
  for (const auto& [batch, continuation, receipt] : accepted) {
    if (outbox_of(*batch) != outbox || batch->chain.empty()) continue;
    for (std::size_t i = continuation.skip; i < continuation.skip + continuation.take; ++i)
      links[batch->records[i].seq] = batch->chain[i + 1];
  }
}

// One batch after the other against its cursor, which moves on in memory.
struct Judge {
  pqxx::work& transaction;
  CursorRows& cursors;
  Speakers& speakers;
  Instant now;
  std::map<std::string, Speaker> new_speakers = {};
  std::vector<Acceptance> accepted = {};
  TelemetryCounters counters = {};

  wire::TelemetryAck take(const wire::TelemetryBatch& batch) {
    const OutboxKey outbox = outbox_of(batch);
    CursorRow& row = cursors[outbox];
    StoredLinks links;
    if (const auto wanted = links_needed(row.cursor, batch)) {
      links = read_links(transaction, outbox, *wanted);
      add_accepted_links(links, outbox, accepted);
    }
    auto continuation = continue_from(row.cursor, batch, links);
    counters.records_stored += continuation.take;
    counters.records_repeated += batch.records.size() - continuation.take;
    counters.records_lost += continuation.cursor.lost - row.cursor.lost;
    counters.records_refused += continuation.cursor.refused - row.cursor.refused;
    note_fork(outbox, row, continuation);
    if (continuation.take > 0) note_speaker(outbox, row.cursor.seq == 0);
    row.is_moved = row.is_moved || continuation.take > 0;
    row.cursor = continuation.cursor;
    const auto ack = continuation.ack;
    if (continuation.take > 0) accepted.push_back({&batch, std::move(continuation), receipt_of(batch, now)});
    return ack;
  }

  // Once, however often the batch that forks is sent again.
  void note_fork(const OutboxKey& outbox, CursorRow& row, const Continuation& continuation) {
    if (!continuation.forked_at || continuation.forked_at == row.forked_at) return;
    row.forked_at = continuation.forked_at;
    ++row.new_forks;
    ++counters.forks;
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
};

// Rows
// ---------------------------------------------------------------------------------------------------------------

// A record that is older than what is kept is not stored, but counted.
using CountUnread = std::function<void(const OutboxKey&)>;

TakenWindow placed(const Accepted& record, const wire::InferenceWindow& window, TelemetryCounters& counters) {
  TakenWindow taken;
  taken.device = record.batch.device;
  taken.model = window.model;
  taken.version = window.version;
  taken.started_at = place_in_time(window.started_at, record.receipt);
  taken.ended_at = taken.started_at + std::clamp(window.ended_at - window.started_at, Duration{0}, longest_window);
  taken.count = window.count;
  taken.errors = window.errors;
  taken.labelled = window.labelled;
  taken.correct = window.correct;
  taken.numbers = window.numbers;
  taken.confidences = window.confidences;
  taken.entropy = window.entropy;
  taken.tags = window.tags;
  taken.features = window.features;
  taken.classes = window.classes;
  taken.received_at = record.receipt.received_at;
  taken.device_started_at = other_time(window.started_at, taken.started_at);
  // A histogram that cannot be read must not hold up the outbox behind it.
  if (auto latency = LogHistogram::decode(window.latency)) {
    taken.latency = std::move(*latency);
  } else {
    ++counters.malformed_histograms;
  }
  return taken;
}

void copy_windows(pqxx::work& transaction, const std::vector<Acceptance>& accepted, Instant kept_since,
                  const CountUnread& count_unread, StoredTelemetry& stored) {
  BinaryCopy rows(transaction, "telemetry_windows", "started_at, seq, epoch, link, device_id, model, version, figures");
  for_each_accepted<wire::InferenceWindow>(accepted, [&](const Accepted& record, const auto& window) {
    TakenWindow taken = placed(record, window, stored.counters);
    if (taken.started_at < kept_since) return count_unread(outbox_of(record.batch));
    rows.begin_row();
    rows.put(taken.started_at);
    rows.put(static_cast<std::int64_t>(record.seq));
    rows.put(epoch_as_stored(record.batch.epoch));
    rows.put(record.link);
    rows.put(std::string_view(taken.device));
    rows.put(std::string_view(taken.model));
    rows.put(std::string_view(taken.version));
    rows.put(ByteView(encode_figures(taken)));
    stored.taken.windows.push_back(std::move(taken));
  });
  rows.complete();
}

void copy_health(pqxx::work& transaction, const std::vector<Acceptance>& accepted, Instant kept_since,
                 const CountUnread& count_unread, TakenTelemetry& taken) {
  std::optional<BinaryCopy> rows;  // most batches have none
  for_each_accepted<wire::HealthSample>(accepted, [&](const Accepted& record, const auto& sample) {
    const auto& [batch, seq, link, receipt] = record;
    const Instant at = place_in_time(sample.at, receipt);
    if (at < kept_since) return count_unread(outbox_of(batch));
    if (!rows)
      rows.emplace(transaction, "health_samples", "device_id, epoch, seq, at, sample, link, received_at, device_at");
    rows->begin_row();
    rows->put(std::string_view(batch.device));
    rows->put(std::string_view(batch.epoch));
    rows->put(static_cast<std::int64_t>(seq));
    rows->put(at);
    rows->put_jsonb(wire::health_values_json(sample));
    rows->put(link);
    rows->put(receipt.received_at);
    rows->put(other_time(sample.at, at));
    taken.health.push_back({batch.device, at, sample});
  });
  if (rows) rows->complete();
}

void mark_as_seen(pqxx::work& transaction, const std::set<std::string>& devices, Instant now) {
  if (devices.empty()) return;
  static const Statement mark{"mark_as_seen", R"sql(
    update device_state s
    set last_seen_at = greatest(s.last_seen_at, $2::timestamptz)
    from unnest($1::text[]) as n(device)
    where s.device_id = n.device
  )sql"};
  exec_prepared(transaction, mark, pg_array(devices), now);
}

// While a device catches up, its state document carries its newest health, and the samples that come are older.
void note_health(pqxx::work& transaction, const std::map<std::string, const TakenHealth*>& newest, Instant now) {
  if (newest.empty()) return;
  auto news = json::array();
  for (const auto& [device, health] : newest)
    news.push_back({{"device", device},
                    {"health", json_or_null(wire::health_values_json(health->sample))},
                    {"at", to_rfc3339(health->at)}});
  static const Statement note{"note_health", R"sql(
    update device_state s
    set last_seen_at = greatest(s.last_seen_at, $2::timestamptz),
      health = case when s.report ? 'health' then s.health else n.health end,
      health_at = case when s.report ? 'health' then s.health_at else n.at end
    from jsonb_to_recordset($1::jsonb) as n(device text, health jsonb, at timestamptz)
    where s.device_id = n.device
  )sql"};
  exec_prepared(transaction, note, news.dump(), now);
}

// A repeat is a sign of life as well, so every device that was asked for and may send is marked; the cursors say it of
// the others.
void update_device_state(pqxx::work& transaction, const Speakers& asked, const TakenTelemetry& taken, Instant now) {
  std::map<std::string, const TakenHealth*> newest;
  for (const auto& health : taken.health) newest[health.device] = &health;
  std::set<std::string> unmarked;
  for (const auto& [device, speaker] : asked)
    if (!newest.contains(device)) unmarked.insert(device);
  mark_as_seen(transaction, unmarked, now);
  note_health(transaction, newest, now);
}

}  // namespace

Result<StoredTelemetry> StoreTelemetry::operator()(pqxx::work& transaction) const {
  go_by_indexes(transaction);
  StoredTelemetry stored;
  auto plain = find_plain(*this);
  move_plain(transaction, plain, now);

  std::set<std::string> asked;  // devices of the batches that are not as usual
  for (const auto& batch : batches)
    if (!plain.contains(outbox_of(*batch))) asked.insert(batch->device);
  auto speakers = asked.empty() ? Speakers{} : read_speakers(transaction, asked);
  std::set<OutboxKey> outboxes;
  for (const auto& batch : batches)
    if (speakers.contains(batch->device) && !plain.contains(outbox_of(*batch))) outboxes.insert(outbox_of(*batch));
  CursorRows cursors;
  if (!outboxes.empty()) cursors = lock_cursors(transaction, outboxes, now);
  Judge judge{transaction, cursors, speakers, now};
  std::map<OutboxKey, std::size_t> answered;  // of the plain ones
  for (const auto& shared : batches) {
    const auto& batch = *shared;
    const auto key = outbox_of(batch);
    if (const auto usual = plain.find(key); usual != plain.end()) {
      stored.counters.records_stored += batch.records.size();
      stored.acks.push_back(usual->second.accepted[answered[key]++].continuation.ack);
    } else if (cursors.contains(key)) {
      stored.acks.push_back(judge.take(batch));
    } else if (speakers.contains(batch.device)) {
      stored.acks.push_back(
          make_error(Errc::unavailable, "device \"" + batch.device + "\" begins too many epochs; send again later"));
    } else {
      stored.acks.push_back(
          make_error(Errc::forbidden, "device \"" + batch.device + "\" is unknown or revoked; enrol it"));
    }
  }

  stored.counters += judge.counters;
  auto accepted = std::move(judge.accepted);
  for (const auto& [outbox, one] : plain) accepted.insert(accepted.end(), one.accepted.begin(), one.accepted.end());
  const CountUnread count_unread = [&](const OutboxKey& outbox) { ++cursors[outbox].unread; };
  copy_windows(transaction, accepted, now - retention, count_unread, stored);
  copy_health(transaction, accepted, now - retention, count_unread, stored.taken);
  if (also && !accepted.empty()) also->keep(transaction, stored.taken);
  save_speakers(transaction, judge.new_speakers);
  save_cursors(transaction, cursors, now);

  update_device_state(transaction, speakers, stored.taken, now);
  const auto learn = [&](const OutboxKey& outbox, const Cursor& cursor) {
    stored.known.emplace_back(outbox.first, KnownOutbox{outbox.second, cursor});
  };
  for (const auto& [outbox, one] : plain) learn(outbox, one.to);
  for (const auto& [outbox, row] : cursors) {
    const auto& speaker = speakers[outbox.first];
    if (speaker && speaker->epoch == outbox.second) learn(outbox, row.cursor);
  }
  return stored;
}

}  // namespace argosy::server

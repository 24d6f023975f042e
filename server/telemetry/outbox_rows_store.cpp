#include "server/telemetry/outbox_rows_store.hpp"

#include <charconv>

#include <nlohmann/json.hpp>

#include "common/base/sql_words.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/devices/device.hpp"
#include "server/telemetry/allowance.hpp"
#include "server/telemetry/stored/window_records_store.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;
constexpr Duration between_fork_events{3'600'000};  // of one outbox; all are counted

// An array whose elements may be null.
class NumberArray {
 public:
  void add(const std::optional<std::int64_t>& value) {
    text_ += text_.size() == 1 ? "" : ",";
    text_ += value ? std::to_string(*value) : "null";
  }
  std::string close() && { return std::move(text_) + "}"; }

 private:
  std::string text_ = "{";
};

std::map<std::string, std::vector<KnownEpoch>> read_epochs(pqxx::work& transaction,
                                                           const std::vector<OutboxKey>& outboxes) {
  std::map<std::string, std::vector<KnownEpoch>> known;
  for (const auto& [device, epoch] : outboxes) known[device];
  std::vector<std::string> devices;
  for (const auto& [device, epochs] : known) devices.push_back(device);
  static const Statement find_epochs{"find_epochs", R"sql(
    select device_id, epoch, received_at
    from telemetry_cursors
    where device_id in (select unnest($1::text[]))
  )sql"};
  for (const auto& row : exec_prepared(transaction, find_epochs, pg_array(devices)))
    known[row["device_id"].as<std::string>()].push_back(
        {row["epoch"].as<std::string>(), optional_of<Instant>(row["received_at"]).value_or(Instant{})});
  return known;
}

// A device may have so many epochs, and whoever has more in use waits: nothing of what it sends is at fault.
void begin_epochs(pqxx::work& transaction, const std::vector<OutboxKey>& outboxes, Instant now) {
  auto known = read_epochs(transaction, outboxes);
  std::vector<std::string> devices, epochs;
  for (const auto& [device, epoch] : outboxes) {
    auto& of_device = known[device];
    const auto room = make_room_for_epoch(of_device, now);
    if (!room) continue;
    if (*room) {
      transaction.exec_params0("delete from telemetry_cursors where device_id = $1 and epoch = $2", device, **room);
      std::erase_if(of_device, [&](const KnownEpoch& one) { return one.epoch == **room; });
    }
    of_device.push_back({epoch, now});
    devices.push_back(device);
    epochs.push_back(epoch);
  }
  if (devices.empty()) return;
  static const Statement begin{"begin_epochs", R"sql(
    insert into telemetry_cursors (device_id, epoch, seq)
    select device, epoch, 0
    from unnest($1::text[], $2::text[]) as o(device, epoch)
    on conflict do nothing
  )sql"};
  exec_prepared(transaction, begin, pg_array(devices), pg_array(epochs));
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

}  // namespace

std::optional<std::int64_t> as_stored(const std::optional<wire::ChainLink>& link) {
  return link ? std::optional(static_cast<std::int64_t>(*link)) : std::nullopt;
}

std::optional<wire::ChainLink> link_of(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return static_cast<wire::ChainLink>(field.as<std::int64_t>());
}

std::int64_t epoch_as_stored(const std::string& epoch) {
  std::uint64_t bits = 0;
  std::from_chars(epoch.data(), epoch.data() + epoch.size(), bits, 16);
  return static_cast<std::int64_t>(bits);
}

std::vector<bool> move_cursors(pqxx::work& transaction, const std::vector<CursorMove>& moves, Instant now) {
  std::vector<std::string> devices, epochs;
  NumberArray from_seqs, from_links, to_seqs, to_links;
  for (const auto& [outbox, from, to] : moves) {
    devices.push_back(outbox.first);
    epochs.push_back(outbox.second);
    from_seqs.add(static_cast<std::int64_t>(from.seq));
    from_links.add(as_stored(from.link));
    to_seqs.add(static_cast<std::int64_t>(to.seq));
    to_links.add(as_stored(to.link));
  }
  static const Statement move{"move_cursors", R"sql(
    update telemetry_cursors c
    set seq = m.seq, link = m.link, received_at = $7::timestamptz
    from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) with ordinality
      as m(device, epoch, from_seq, from_link, seq, link, place)
    where c.device_id = m.device and c.epoch = m.epoch and c.speaks
      and c.seq = m.from_seq and c.link is not distinct from m.from_link
    returning m.place
  )sql"};
  std::vector<bool> moved(moves.size());
  for (const auto& row :
       exec_prepared(transaction, move, pg_array(devices), pg_array(epochs), std::move(from_seqs).close(),
                     std::move(from_links).close(), std::move(to_seqs).close(), std::move(to_links).close(), now))
    moved[row[0].as<std::size_t>() - 1] = true;
  return moved;
}

Speakers read_speakers(pqxx::work& transaction, const std::set<std::string>& devices) {
  Speakers speakers;
  static const Statement find_speakers{"find_speakers", R"sql(
    select d.id, s.epoch, s.returns, s.returned_at
    from devices d
    left join telemetry_speakers s on s.device_id = d.id
    where d.revoked_at is null and d.id in (select unnest($1::text[]))
  )sql"};
  const auto rows = exec_prepared(transaction, find_speakers, pg_array(devices));
  for (const auto& row : rows) {
    auto& speaker = speakers[row["id"].as<std::string>()];
    if (row["epoch"].is_null()) continue;
    speaker = Speaker{row["epoch"].as<std::string>(), row["returns"].as<int>()};
    speaker->returned_at = optional_of<Instant>(row["returned_at"]);
  }
  return speakers;
}

void save_speakers(pqxx::work& transaction, const std::map<std::string, Speaker>& speakers) {
  if (speakers.empty()) return;
  auto rows = json::array();
  for (const auto& [device, speaker] : speakers)
    rows.push_back({{"device", device},
                    {"epoch", speaker.epoch},
                    {"returns", speaker.returns},
                    {"returned_at", json_of(speaker.returned_at)}});
  // The cursors of all its other outboxes, whatever they say: so it waits for a batch that is being stored under one.
  static const Statement save{"save_speakers", R"sql(
    with spoke as (
      select device, epoch, returns, returned_at
      from jsonb_to_recordset($1::jsonb) as s(device text, epoch text, returns int, returned_at timestamptz)
    ), others as (
      update telemetry_cursors c
      set speaks = false
      from spoke
      where c.device_id = spoke.device and c.epoch <> spoke.epoch
    )
    insert into telemetry_speakers (device_id, epoch, returns, returned_at)
    select device, epoch, returns, returned_at
    from spoke
    on conflict (device_id) do update set epoch = excluded.epoch, returns = excluded.returns,
      returned_at = excluded.returned_at
  )sql"};
  exec_prepared(transaction, save, rows.dump());
}

CursorRows lock_cursors(pqxx::work& transaction, const std::set<OutboxKey>& outboxes, Instant now) {
  auto keys = json::array();
  for (const auto& [device, epoch] : outboxes) keys.push_back({{"device", device}, {"epoch", epoch}});
  auto cursors = select_cursors_for_update(transaction, keys.dump(), now);
  if (cursors.size() == outboxes.size()) return cursors;
  std::vector<OutboxKey> missing;
  for (const auto& outbox : outboxes)
    if (!cursors.contains(outbox)) missing.push_back(outbox);
  begin_epochs(transaction, missing, now);
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
                     {"link", json_of(as_stored(row.cursor.link))},
                     {"unread", row.unread},
                     {"forks", row.new_forks},
                     {"fork_link", json_of(as_stored(row.forked_at))},
                     {"moved", row.is_moved}});
  }
  if (moved.empty()) return;
  // One that was begun in this very transaction does not speak yet: whoever silences it now would not see it.
  static const Statement save{"save_cursors", R"sql(
    update telemetry_cursors c
    set seq = m.seq, lost = m.lost, refused = m.refused, link = m.link, unread = m.unread,
      forks = c.forks + m.forks, fork_link = m.fork_link,
      forked_at = case when m.forks > 0 then $2::timestamptz else c.forked_at end,
      received_at = case when m.moved then $2::timestamptz else c.received_at end,
      speaks = c.seq > 0 and exists (
        select from telemetry_speakers s
        join devices d on d.id = s.device_id
        join device_state p on p.device_id = s.device_id
        where s.device_id = m.device and s.epoch = m.epoch and d.revoked_at is null and p.presence = )sql" +
                                                  sql_word(Presence::online) +
                                                  R"sql(
      )
    from jsonb_to_recordset($1::jsonb) as m(device text, epoch text, seq bigint, lost bigint,
      refused bigint, link bigint, unread bigint, forks bigint, fork_link bigint, moved boolean)
    where c.device_id = m.device and c.epoch = m.epoch
  )sql"};
  exec_prepared(transaction, save, moved.dump(), now);
}

StoredLinks read_links(pqxx::work& transaction, const OutboxKey& outbox, const Sequences& wanted) {
  StoredLinks links;
  const auto rows = transaction.exec_params(
      R"sql(
        select seq, link
        from health_samples
        where device_id = $1 and epoch = $2 and seq between $3 and $4 and link is not null
      )sql",
      outbox.first, outbox.second, wanted.first, wanted.last);
  for (const auto& row : rows) links[row[0].as<std::uint64_t>()] = *link_of(row[1]);
  const WindowRecordsWanted windows{outbox.first, epoch_as_stored(outbox.second),
                                    static_cast<std::int64_t>(wanted.first), static_cast<std::int64_t>(wanted.last)};
  visit_window_records(transaction, windows, [&links](const WindowRecord& record) {
    if (record.link) links[record.seq] = *record.link;
  });
  return links;
}

}  // namespace argosy::server

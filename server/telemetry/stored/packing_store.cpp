#include "server/telemetry/stored/packing_store.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "common/wire/telemetry.hpp"
#include "server/db/binary_copy.hpp"
#include "server/db/binary_read.hpp"
#include "server/db/rows.hpp"
#include "server/telemetry/stored/packed_windows.hpp"
#include "server/telemetry/stored/rollup.hpp"
#include "server/telemetry/stored/rollup_rows_store.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

using namespace std::chrono_literals;

struct ClosedWindow {
  std::int64_t epoch = 0;
  PackedWindow packed;
  std::string started_at;  // as the database has it, which is finer
};

// How far the table is packed, as a condition on what is left.
std::string behind_progress(pqxx::work& transaction, const std::string& table) {
  const auto rows = transaction.exec_params(
      "select device_id, started_at::text, seq, epoch from telemetry_packing where relation = $1", table);
  if (rows.empty()) return "true";
  const auto row = rows[0];
  return "(device_id, started_at, seq, epoch) > (" + transaction.quote(row[0].as<std::string>()) + ", " +
         transaction.quote(row[1].as<std::string>()) + "::timestamptz, " + row[2].as<std::string>() + ", " +
         row[3].as<std::string>() + ")";
}

// `is_last` of what is done says whether nothing is behind them.
std::vector<ClosedWindow> read_closed(pqxx::work& transaction, const PackSlice& slice, PackedSlice& done) {
  const std::string columns = "device_id, started_at, seq, epoch";
  const std::string next =
      "select device_id, model, version, started_at, started_at::text as exact_start, seq, epoch, link, figures from " +
      transaction.quote_name(slice.table) + " where " + behind_progress(transaction, slice.table) + " order by " +
      columns + " limit " + std::to_string(slice.most);
  BinaryRead rows(transaction, up_to_bytes(slice.most_bytes, next, columns));
  std::vector<ClosedWindow> windows;
  std::size_t bytes = 0;
  while (rows.next()) {
    ClosedWindow closed;
    TakenWindow& window = closed.packed.window;
    window.device = rows.text(0);
    window.model = rows.text(1);
    window.version = rows.text(2);
    window.started_at = window.ended_at = window.received_at = rows.timestamptz(3);
    closed.started_at = rows.text(4);
    closed.packed.seq = static_cast<std::uint64_t>(rows.bigint(5));
    closed.epoch = rows.bigint(6);
    if (!rows.is_null(7)) closed.packed.link = static_cast<wire::ChainLink>(rows.bigint(7));
    if (!decode_figures(rows.bytea(8), window)) ++done.unreadable;
    bytes += rows.bytea(8).size();
    windows.push_back(std::move(closed));
  }
  done.is_last = windows.size() < slice.most && bytes < slice.most_bytes;
  return windows;
}

// The last device may go on behind the slice; it waits for the next one, unless the slice is all its.
void leave_last_device(std::vector<ClosedWindow>& windows) {
  const std::string last = windows.back().packed.window.device;
  const auto begin = std::find_if(windows.begin(), windows.end(),
                                  [&](const ClosedWindow& one) { return one.packed.window.device == last; });
  if (begin != windows.begin()) windows.erase(begin, windows.end());
}

void note_progress(pqxx::work& transaction, const std::string& table, const ClosedWindow& last) {
  transaction.exec_params0(
      R"sql(
        insert into telemetry_packing (relation, device_id, started_at, seq, epoch)
        values ($1, $2, $3::timestamptz, $4, $5)
        on conflict (relation) do update
        set device_id = excluded.device_id, started_at = excluded.started_at, seq = excluded.seq, epoch = excluded.epoch
      )sql",
      table, last.packed.window.device, last.started_at, static_cast<std::int64_t>(last.packed.seq), last.epoch);
}

using RowKey =
    std::tuple<std::string, std::string, std::string, std::int64_t, Instant>;  // device, model, version, epoch, hour

std::uint64_t write_packed(pqxx::work& transaction, std::map<RowKey, std::vector<PackedWindow>> rows_of) {
  BinaryCopy rows(transaction, "telemetry_packed",
                  "hour, first_seq, last_seq, epoch, windows, device_id, model, version, packed");
  for (const auto& [key, windows] : rows_of) {
    const auto& [device, model, version, epoch, hour] = key;
    const auto [first, last] =
        std::minmax_element(windows.begin(), windows.end(), [](const auto& a, const auto& b) { return a.seq < b.seq; });
    rows.begin_row();
    rows.put(hour);
    rows.put(static_cast<std::int64_t>(first->seq));
    rows.put(static_cast<std::int64_t>(last->seq));
    rows.put(epoch);
    rows.put(static_cast<std::int64_t>(windows.size()));
    rows.put(std::string_view(device));
    rows.put(std::string_view(model));
    rows.put(std::string_view(version));
    rows.put(ByteView(pack_windows(windows)));
  }
  rows.complete();
  return rows_of.size();
}

}  // namespace

Waiting FindWaiting::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec(R"sql(
    select c.relname
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    left join telemetry_packing p on p.relation = c.relname
    where i.inhparent = 'telemetry_closed'::regclass
    order by p.relation is null, c.relname
  )sql");
  Waiting waiting{.tables = static_cast<std::int64_t>(rows.size())};
  for (const auto& row : rows) {
    auto table = row[0].as<std::string>();
    if (std::find(but_not.begin(), but_not.end(), table) != but_not.end()) continue;
    waiting.next = std::move(table);
    break;
  }
  return waiting;
}

PackedSlice PackSlice::operator()(pqxx::work& transaction) const {
  PackedSlice done;
  auto windows = read_closed(transaction, *this, done);
  if (windows.empty()) return done;
  if (!done.is_last) leave_last_device(windows);
  note_progress(transaction, table, windows.back());
  done.windows = windows.size();

  Rollups hours(1h);
  std::map<RowKey, std::vector<PackedWindow>> rows_of;
  for (auto& [epoch, packed, started_at] : windows) {
    TakenWindow& window = packed.window;
    hours.add(window);
    RowKey key{std::move(window.device), std::move(window.model), std::move(window.version), epoch,
               floor_to(window.started_at, 1h)};
    rows_of[std::move(key)].push_back(std::move(packed));
  }
  done.rows = write_packed(transaction, std::move(rows_of));
  add_hours(transaction, hours.take());
  return done;
}

void DropPacked::operator()(pqxx::work& transaction) const {
  transaction.exec0("set local lock_timeout = 250");
  transaction.exec0("drop table " + transaction.quote_name(table));
  transaction.exec_params0("delete from telemetry_packing where relation = $1", table);
}

}  // namespace argosy::server

#include "server/telemetry/partition_store.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/db/advisory_locks.hpp"
#include "server/db/rows.hpp"
#include "server/telemetry/stored/rollup_rows_store.hpp"

namespace argosy::server {

namespace {

using std::chrono::days;
using std::chrono::sys_days;

enum class Width { day, month };

struct PartitionedTable {
  std::string name;
  std::string time_column;
  Width width = Width::day;
  int KeepPartitions::*retention_days = nullptr;
  std::string epoch = {};      // as telemetry_cursors has it; none: its rows are not counted as lost
  std::string records = {};    // how many records its rows stand for, as an aggregate
  std::string kept_from = {};  // the column of telemetry_levels that says from when on there are rows
};
const std::array<PartitionedTable, 4> partitioned_tables{{
    {"health_samples", "at", Width::day, &KeepPartitions::retention_days, "epoch", "count(*)"},
    {"telemetry_packed", "hour", Width::day, &KeepPartitions::retention_days, "lpad(to_hex(epoch), 16, '0')",
     "sum(windows)", "packed_from"},
    {"telemetry_hours", "hour", Width::day, &KeepPartitions::hours_retention_days, {}, {}, "hours_from"},
    {"telemetry_days", "month", Width::month, &KeepPartitions::days_retention_days},
}};

// `sql` with the table and its column of time in the place of {table} and {time}.
std::string statement_of(const PartitionedTable& table, std::string sql) {
  const auto fill_in = [&sql](std::string_view place, const std::string& name) {
    for (auto at = sql.find(place); at != std::string::npos; at = sql.find(place, at + name.size()))
      sql.replace(at, place.size(), name);
  };
  fill_in("{table}", table.name);
  fill_in("{time}", table.time_column);
  return sql;
}

void set_patience(pqxx::work& transaction) {
  transaction.exec0("set local lock_timeout = " + std::to_string(partitions_patience.count()));
}

std::string date_of(sys_days day) {
  return to_rfc3339(Instant{day}).substr(0, 10);
}

// The day on which the partition of `day` begins, and that on which the next one does.
sys_days first_of(const PartitionedTable& table, sys_days day) {
  if (table.width == Width::day) return day;
  const std::chrono::year_month_day date{day};
  return sys_days{date.year() / date.month() / 1};
}
sys_days next_first_of(const PartitionedTable& table, sys_days day) {
  if (table.width == Width::day) return day + days{1};
  return first_of(table, first_of(table, day) + days{31});
}

// Of all tables by the day on which they begin, so that names have the order of time.
std::string partition_name(const PartitionedTable& table, sys_days day) {
  std::string date = date_of(first_of(table, day));
  std::erase(date, '-');
  return table.name + "_" + date;
}

bool exists(pqxx::work& transaction, const std::string& relation) {
  return !transaction.exec_params1("select to_regclass($1)", relation)[0].is_null();
}

// Made beside the parent and attached only when the rows of its day have moved in: so the check of the default
// partition succeeds, and the parent is never locked against readers.
void make_partition(pqxx::work& transaction, const PartitionedTable& table, sys_days day) {
  const std::string name = partition_name(table, day);
  if (exists(transaction, name)) return;
  const std::string from = "'" + date_of(first_of(table, day)) + "T00:00:00Z'";
  const std::string to = "'" + date_of(next_first_of(table, day)) + "T00:00:00Z'";
  transaction.exec0(statement_of(
      table, "create table " + name + " (like {table} including defaults including constraints including storage)"));
  transaction.exec0(statement_of(table, "with moved as (delete from {table}_default where {time} >= " + from +
                                            " and {time} < " + to + " returning *) insert into " + name +
                                            " select * from moved"));
  transaction.exec0(statement_of(
      table, "alter table {table} attach partition " + name + " for values from (" + from + ") to (" + to + ")"));
}

// What came before we noted the receipt and lies in our future: no day of its own would ever come for it.
void bring_back_from_the_future(pqxx::work& transaction, const PartitionedTable& table, Instant latest, Instant now) {
  const std::string sql = statement_of(table, R"sql(
    update {table}
    set {time} = $2::timestamptz
    where {time} >= $1::timestamptz
  )sql");
  transaction.exec_params0(sql, latest, now);
}

// Days that have rows in the default partition and no partition of their own: a backlog from before the first upkeep.
std::vector<sys_days> days_in_default(pqxx::work& transaction, const PartitionedTable& table, sys_days oldest) {
  const std::string sql = statement_of(table, R"sql(
    select distinct floor(extract(epoch from {time}) / 86400)::int
    from {table}_default
    where {time} >= $1::timestamptz
    order by 1
  )sql");
  const auto rows = transaction.exec_params(sql, Instant{oldest});
  std::vector<sys_days> found;
  for (const auto& row : rows) found.push_back(sys_days{days{row[0].as<int>()}});
  return found;
}

// What never had a day of its own was never shown: it counts as lost.
void drop_old_of_default(pqxx::work& transaction, const PartitionedTable& table, sys_days oldest) {
  const std::string gone = statement_of(table, "delete from {table}_default where {time} < $1::timestamptz");
  if (table.epoch.empty()) {
    transaction.exec_params0(gone, Instant{oldest});
    return;
  }
  transaction.exec_params0("with gone as (" + gone + " returning *), counted as (select device_id, " + table.epoch +
                               " as epoch, " + table.records + " as records from gone group by 1, 2) " + R"sql(
        update telemetry_cursors c
        set unread = c.unread + g.records
        from counted g
        where g.device_id = c.device_id and g.epoch = c.epoch
      )sql",
                           Instant{oldest});
}

void read_from(pqxx::work& transaction, const PartitionedTable& table, sys_days oldest) {
  if (table.kept_from.empty()) return;
  transaction.exec_params0(
      "update telemetry_levels set " + table.kept_from + " = greatest(" + table.kept_from + ", $1)", Instant{oldest});
}

std::vector<std::string> past_partitions(pqxx::work& transaction, const PartitionedTable& table, sys_days oldest) {
  const auto rows = transaction.exec_params(
      R"sql(
        select c.relname
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = to_regclass($1) and c.relname ~ '_[0-9]{8}$' and c.relname < $2
        order by 1
        limit $3
      )sql",
      table.name, partition_name(table, oldest), PastPartitions::most);
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back(row[0].as<std::string>());
  return names;
}

// Hours of a day that is not added up are kept, however long nobody led.
sys_days oldest_of(pqxx::work& transaction, const PartitionedTable& table, sys_days past_retention) {
  if (table.retention_days != &KeepPartitions::hours_retention_days) return first_of(table, past_retention);
  const auto days_until = std::chrono::floor<days>(read_levels(transaction).days_until);
  return std::min(past_retention, days_until);
}

}  // namespace

std::vector<PastPartitions> KeepPartitions::operator()(pqxx::work& transaction) const {
  transaction.exec1(advisory_lock::wait_in_transaction(advisory_lock::telemetry_partitions));
  set_patience(transaction);
  const auto today = std::chrono::floor<days>(now);
  std::vector<PastPartitions> past;
  for (const auto& table : partitioned_tables) {
    if (!exists(transaction, table.name + "_default"))
      transaction.exec0("create table " + table.name + "_default partition of " + table.name + " default");
    const auto oldest = oldest_of(transaction, table, today - days{this->*table.retention_days});
    for (int day = -1; day <= ahead_days; ++day) make_partition(transaction, table, today + days{day});
    bring_back_from_the_future(transaction, table, Instant{today + days{ahead_days + 1}}, now);
    for (const auto day : days_in_default(transaction, table, oldest)) make_partition(transaction, table, day);
    drop_old_of_default(transaction, table, oldest);
    read_from(transaction, table, oldest);
    if (auto names = past_partitions(transaction, table, oldest); !names.empty())
      past.push_back({table.name, std::move(names)});
  }
  return past;
}

void DropPartitions::operator()(pqxx::work& transaction) const {
  set_patience(transaction);
  transaction.exec0("lock table only " + past.table + " in access exclusive mode");
  for (const auto& name : past.partitions) transaction.exec0("drop table if exists " + transaction.quote_name(name));
}

}  // namespace argosy::server

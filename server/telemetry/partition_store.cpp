#include "server/telemetry/partition_store.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "server/db/advisory_locks.hpp"
#include "server/db/rows.hpp"

namespace argosy::server {

namespace {

using std::chrono::days;
using std::chrono::sys_days;

struct PartitionedTable {
  std::string name;
  std::string time_column;
  std::string epoch;  // as telemetry_cursors has it
};
const std::array<PartitionedTable, 2> partitioned_tables{
    {{"telemetry_windows", "started_at", "lpad(to_hex(epoch), 16, '0')"}, {"health_samples", "at", "epoch"}}};

// `sql` with the table, its column of time and its epoch in the place of {table}, {time} and {epoch}.
std::string statement_of(const PartitionedTable& table, std::string sql) {
  const auto fill_in = [&sql](std::string_view place, const std::string& name) {
    for (auto at = sql.find(place); at != std::string::npos; at = sql.find(place, at + name.size()))
      sql.replace(at, place.size(), name);
  };
  fill_in("{table}", table.name);
  fill_in("{time}", table.time_column);
  fill_in("{epoch}", table.epoch);
  return sql;
}

std::string date_of(sys_days day) {
  return to_rfc3339(Instant{day}).substr(0, 10);
}

std::string partition_name(const PartitionedTable& table, sys_days day) {
  std::string date = date_of(day);
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
  const std::string from = "'" + date_of(day) + "T00:00:00Z'";
  const std::string to = "'" + date_of(day + days{1}) + "T00:00:00Z'";
  transaction.exec0(
      statement_of(table, "create table " + name + " (like {table} including defaults including constraints)"));
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

void drop_old(pqxx::work& transaction, const PartitionedTable& table, sys_days oldest) {
  const auto rows = transaction.exec_params(
      R"sql(
        select c.relname
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = to_regclass($1) and c.relname ~ '_[0-9]{8}$' and c.relname < $2
        order by 1
      )sql",
      table.name, partition_name(table, oldest));
  for (const auto& row : rows) transaction.exec0("drop table " + transaction.quote_name(row[0].as<std::string>()));
  // What never had a day of its own was never shown: it counts as lost.
  const std::string sql = statement_of(table, R"sql(
    with gone as (
      delete from {table}_default where {time} < $1::timestamptz returning device_id, {epoch} as epoch
    ),
    counted as (
      select device_id, epoch, count(*) as rows from gone group by 1, 2
    )
    update telemetry_cursors c
    set unread = c.unread + g.rows
    from counted g
    where g.device_id = c.device_id and g.epoch = c.epoch
  )sql");
  transaction.exec_params0(sql, Instant{oldest});
}

}  // namespace

void KeepPartitions::operator()(pqxx::work& transaction) const {
  transaction.exec1(advisory_lock::wait_in_transaction(advisory_lock::telemetry_partitions));
  const auto today = std::chrono::floor<days>(now);
  for (const auto& table : partitioned_tables) {
    if (!exists(transaction, table.name + "_default"))
      transaction.exec0("create table " + table.name + "_default partition of " + table.name + " default");
    const auto oldest = today - days{retention_days};
    for (int day = -1; day <= ahead_days; ++day) make_partition(transaction, table, today + days{day});
    bring_back_from_the_future(transaction, table, Instant{today + days{ahead_days + 1}}, now);
    for (const auto day : days_in_default(transaction, table, oldest)) make_partition(transaction, table, day);
    drop_old(transaction, table, oldest);
  }
}

}  // namespace argosy::server

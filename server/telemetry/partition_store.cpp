#include "server/telemetry/partition_store.hpp"

#include <array>
#include <string>

namespace argosy::server {

namespace {

using std::chrono::days;
using std::chrono::sys_days;

// Any number that no other advisory lock of this program uses.
constexpr auto take_turns = "select pg_advisory_xact_lock(7102001)";

struct PartitionedTable {
  std::string name;
  std::string time_column;
};
const std::array<PartitionedTable, 2> partitioned_tables{
    {{"inference_windows", "started_at"}, {"health_samples", "at"}}};

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
  transaction.exec0("create table " + name + " (like " + table.name + " including defaults including constraints)");
  transaction.exec0("with moved as (delete from " + table.name + "_default where " + table.time_column + " >= " + from +
                    " and " + table.time_column + " < " + to + " returning *) insert into " + name +
                    " select * from moved");
  transaction.exec0("alter table " + table.name + " attach partition " + name + " for values from (" + from + ") to (" +
                    to + ")");
}

void drop_old(pqxx::work& transaction, const PartitionedTable& table, sys_days oldest) {
  const auto rows = transaction.exec_params(
      "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = to_regclass($1) "
      "and c.relname ~ '_[0-9]{8}$' and c.relname < $2 order by 1",
      table.name, partition_name(table, oldest));
  for (const auto& row : rows) transaction.exec0("drop table " + transaction.quote_name(row[0].as<std::string>()));
  transaction.exec_params0("delete from " + table.name + "_default where " + table.time_column + " < $1::timestamptz",
                           to_rfc3339(Instant{oldest}));
}

}  // namespace

void KeepPartitions::operator()(pqxx::work& transaction) const {
  transaction.exec1(take_turns);
  const auto today = std::chrono::floor<days>(now);
  for (const auto& table : partitioned_tables) {
    if (!exists(transaction, table.name + "_default"))
      transaction.exec0("create table " + table.name + "_default partition of " + table.name + " default");
    for (int day = -1; day <= ahead_days; ++day) make_partition(transaction, table, today + days{day});
    drop_old(transaction, table, today - days{retention_days});
  }
}

}  // namespace argosy::server

#include "server/telemetry/stored/closing_store.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/db/advisory_locks.hpp"
#include "server/telemetry/stored/rollup.hpp"

namespace argosy::server {

namespace {

using std::chrono::hours;

constexpr std::string_view hour_prefix = "telemetry_windows_";
// What comes in is never changed, and dropped within two hours: to vacuum it would cost much, help nobody, and hold the
// lock that taking it out needs. It is still analysed.
const std::string unvacuumed = " with (autovacuum_vacuum_insert_threshold = -1)";

// 2026-03-01T12:00:00Z is telemetry_windows_2026030112, whose order is that of the hours.
std::string partition_of(Instant hour) {
  const std::string text = to_rfc3339(hour);
  return std::string(hour_prefix) + text.substr(0, 4) + text.substr(5, 2) + text.substr(8, 2) + text.substr(11, 2);
}

std::set<std::string> open_hours(pqxx::work& transaction) {
  std::set<std::string> names;
  for (const auto& row : transaction.exec(R"sql(
         select c.relname
         from pg_inherits i
         join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'telemetry_windows'::regclass and c.relname ~ '_[0-9]{10}$'
       )sql"))
    names.insert(row[0].as<std::string>());
  return names;
}

bool has_rows(pqxx::work& transaction, const std::string& table) {
  return transaction.exec1("select exists (select from " + table + ")")[0].as<bool>();
}

void wait_under_closed(pqxx::work& transaction, const std::string& table) {
  transaction.exec0("alter table " + table + " inherit telemetry_closed");
}

void take_out_default(pqxx::work& transaction, Instant now) {
  if (!has_rows(transaction, "telemetry_windows_default")) return;
  const std::string name = "telemetry_late_" + std::to_string(to_ms(now));
  transaction.exec0("alter table telemetry_windows detach partition telemetry_windows_default");
  transaction.exec0("alter table telemetry_windows_default rename to " + name);
  wait_under_closed(transaction, name);
  transaction.exec0("create table telemetry_windows_default partition of telemetry_windows default" + unvacuumed);
}

void take_out(pqxx::work& transaction, const std::string& partition) {
  transaction.exec0("alter table telemetry_windows detach partition " + partition);
  if (has_rows(transaction, partition)) return wait_under_closed(transaction, partition);
  transaction.exec0("drop table " + partition);
}

// With its bounds as a constraint, too: without being a partition it is then still passed by where its hour is not
// asked for.
void make_hour(pqxx::work& transaction, Instant hour) {
  const std::string name = partition_of(hour);
  const std::string from = transaction.quote(to_rfc3339(hour));
  const std::string to = transaction.quote(to_rfc3339(hour + hours{1}));
  transaction.exec0("create table " + name + " (like telemetry_windows including defaults including constraints, " +
                    "check (started_at >= " + from + " and started_at < " + to + "))" + unvacuumed);
  transaction.exec0("alter table telemetry_windows attach partition " + name + " for values from (" + from + ") to (" +
                    to + ")");
}

}  // namespace

void CloseHours::operator()(pqxx::work& transaction) const {
  transaction.exec1(advisory_lock::wait_in_transaction(advisory_lock::telemetry_partitions));
  const auto open = open_hours(transaction);
  const Instant first = floor_to(now - grace, hours{1});
  std::vector<Instant> missing;
  for (Instant hour = first; hour <= floor_to(now, hours{1}) + ahead; hour += hours{1})
    if (!open.contains(partition_of(hour))) missing.push_back(hour);
  std::vector<std::string> over;
  for (const auto& name : open)
    if (name < partition_of(first)) over.push_back(name);
  if (missing.empty() && over.empty()) return;

  transaction.exec0("set local lock_timeout = " + std::to_string(patience.count()));
  transaction.exec0("lock table only telemetry_windows in access exclusive mode");
  take_out_default(transaction, now);
  for (const auto& name : over) take_out(transaction, name);
  for (const auto hour : missing) make_hour(transaction, hour);
}

}  // namespace argosy::server

#include "server/telemetry/stored/rollup_rows_store.hpp"

#include <algorithm>
#include <utility>

#include "server/db/binary_copy.hpp"
#include "server/db/binary_read.hpp"
#include "server/db/rows.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

using namespace std::chrono_literals;

void write_rollups(pqxx::work& transaction, const char* table, const char* start, const std::vector<Rollup>& rollups) {
  if (rollups.empty()) return;
  BinaryCopy rows(transaction, table, std::string(start) + ", windows, device_id, model, version, figures");
  for (const auto& [sum, windows] : rollups) {
    rows.begin_row();
    rows.put(sum.started_at);
    rows.put(static_cast<std::int64_t>(windows));
    rows.put(std::string_view(sum.device));
    rows.put(std::string_view(sum.model));
    rows.put(std::string_view(sum.version));
    rows.put(ByteView(encode_figures(sum)));
  }
  rows.complete();
}

std::vector<Rollup> read_hours_of(pqxx::work& transaction, const Levels& levels, std::size_t most) {
  std::string sql = "select device_id, model, version, hour, windows, figures from telemetry_hours where hour >= " +
                    transaction.quote(to_rfc3339(levels.days_until)) + " and hour < " +
                    transaction.quote(to_rfc3339(levels.days_until + 24h));
  if (levels.days_device) sql += " and device_id > " + transaction.quote(*levels.days_device);
  BinaryRead rows(transaction, sql + " order by device_id limit " + std::to_string(most));
  std::vector<Rollup> hours;
  while (rows.next()) {
    Rollup hour;
    hour.sum.device = rows.text(0);
    hour.sum.model = rows.text(1);
    hour.sum.version = rows.text(2);
    hour.sum.started_at = rows.timestamptz(3);
    hour.windows = static_cast<std::uint64_t>(rows.bigint(4));
    // What encode_figures wrote; a fault of the disk takes what comes behind it in this hour.
    (void)decode_figures(rows.bytea(5), hour.sum);
    hours.push_back(std::move(hour));
  }
  return hours;
}

// Of whole devices: the last one, which may go on behind `most` rows, waits for the next slice.
std::vector<Rollup> read_devices_of(pqxx::work& transaction, const Levels& levels, std::size_t most) {
  auto hours = read_hours_of(transaction, levels, most);
  if (hours.size() < most) return hours;
  const auto of_last = [last = hours.back().sum.device](const Rollup& hour) { return hour.sum.device == last; };
  if (of_last(hours.front())) return read_devices_of(transaction, levels, most * 2);
  std::erase_if(hours, of_last);
  return hours;
}

void note_levels(pqxx::work& transaction, const Levels& levels) {
  transaction.exec_params0("update telemetry_levels set days_until = $1, days_device = $2", levels.days_until,
                           levels.days_device);
}

}  // namespace

Levels read_levels(pqxx::work& transaction) {
  const auto row = transaction.exec1("select packed_from, hours_from, days_until, days_device from telemetry_levels");
  return {row[0].as<Instant>(), row[1].as<Instant>(), row[2].as<Instant>(), optional_of<std::string>(row[3])};
}

void add_hours(pqxx::work& transaction, const std::vector<Rollup>& hours) {
  write_rollups(transaction, "telemetry_hours", "hour", hours);
  const Instant days_until = read_levels(transaction).days_until;
  Rollups late(24h);
  for (const auto& [sum, windows] : hours)
    if (sum.started_at < days_until) late.add(sum, windows);
  write_rollups(transaction, "telemetry_days", "day", late.take());
}

RolledDay RollDay::operator()(pqxx::work& transaction) const {
  Levels levels = read_levels(transaction);
  if (levels.days_until + 24h > over) return {.nothing_left = true};
  const auto hours = read_devices_of(transaction, levels, most);
  Rollups days(24h);
  for (const auto& [sum, windows] : hours) days.add(sum, windows);
  const auto rollups = days.take();
  write_rollups(transaction, "telemetry_days", "day", rollups);
  levels.days_device.reset();
  if (hours.empty()) {
    levels.days_until += 24h;
  } else {
    levels.days_device = hours.back().sum.device;
  }
  note_levels(transaction, levels);
  return {.rows = rollups.size(), .is_inside = levels.days_device.has_value()};
}

}  // namespace argosy::server

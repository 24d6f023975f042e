#include "server/telemetry/stored/rollup_rows_store.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "server/db/binary_copy.hpp"
#include "server/db/binary_read.hpp"
#include "server/db/rows.hpp"
#include "server/telemetry/stored/day_entries.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

using namespace std::chrono_literals;

// Of one device, model and version, and of its features and classes apart. An honest month takes 20 KB; what windows
// that keep coming late add to more is left out of charts by days.
constexpr int most_of_a_month = 1 << 20;

void write_hours(pqxx::work& transaction, const std::vector<Rollup>& hours) {
  if (hours.empty()) return;
  BinaryCopy rows(transaction, "telemetry_hours", "hour, windows, device_id, model, version, figures");
  for (const auto& [sum, windows] : hours) {
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

struct Month {
  std::uint64_t windows = 0;
  DayEntries days;
};
using MonthKey = std::tuple<std::string, std::string, std::string, Instant>;  // device, model, version, month

void write_days(pqxx::work& transaction, const std::vector<Rollup>& days) {
  std::map<MonthKey, Month> rows;
  for (const auto& [sum, windows] : days) {
    Month& month = rows[{sum.device, sum.model, sum.version, month_of(sum.started_at)}];
    month.windows += windows;
    month.days.add(sum);
  }
  std::vector<std::string> devices, models, versions, months, entries, shapes;
  std::vector<std::int64_t> windows;
  for (const auto& [key, month] : rows) {
    const auto& [device, model, version, at] = key;
    devices.push_back(device);
    models.push_back(model);
    versions.push_back(version);
    months.push_back(to_rfc3339(at));
    windows.push_back(static_cast<std::int64_t>(month.windows));
    entries.push_back("\\x" + to_hex(month.days.entries));
    shapes.push_back("\\x" + to_hex(month.days.shapes));
  }
  transaction.exec_params0(
      R"sql(
        insert into telemetry_days as d (device_id, model, version, month, windows, entries, shapes)
        select *
        from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::bytea[], $7::bytea[])
        on conflict (device_id, month, model, version) do update
        set windows = d.windows + excluded.windows, entries = d.entries || excluded.entries,
          shapes = case when length(d.shapes) < $8 then d.shapes || excluded.shapes else d.shapes end
        where length(d.entries) < $8
      )sql",
      pg_array(devices), pg_array(models), pg_array(versions), pg_array(months), pg_array(windows), pg_array(entries),
      pg_array(shapes), most_of_a_month);
}

struct HoursOfDevices {
  std::vector<Rollup> hours;  // by device
  bool is_all = false;        // nothing is behind them
};

HoursOfDevices read_hours_of(pqxx::work& transaction, const Levels& levels, const RollDay& slice) {
  std::string next = "select device_id, model, version, hour, windows, figures from telemetry_hours where hour >= " +
                     transaction.quote(to_rfc3339(levels.days_until)) + " and hour < " +
                     transaction.quote(to_rfc3339(levels.days_until + 24h));
  if (levels.days_device) next += " and device_id > " + transaction.quote(*levels.days_device);
  next += " order by device_id limit " + std::to_string(slice.most);
  BinaryRead rows(transaction, up_to_bytes(slice.most_bytes, next, "device_id"));
  HoursOfDevices read;
  std::size_t bytes = 0;
  while (rows.next()) {
    Rollup hour;
    hour.sum.device = rows.text(0);
    hour.sum.model = rows.text(1);
    hour.sum.version = rows.text(2);
    hour.sum.started_at = rows.timestamptz(3);
    hour.windows = static_cast<std::uint64_t>(rows.bigint(4));
    // What encode_figures wrote; a fault of the disk takes what comes behind it in this hour.
    (void)decode_figures(rows.bytea(5), hour.sum);
    bytes += rows.bytea(5).size();
    read.hours.push_back(std::move(hour));
  }
  read.is_all = read.hours.size() < slice.most && bytes < slice.most_bytes;
  return read;
}

// Of whole devices: the last one, which may go on behind the slice, waits for the next.
std::vector<Rollup> read_devices_of(pqxx::work& transaction, const Levels& levels, const RollDay& slice) {
  auto [hours, is_all] = read_hours_of(transaction, levels, slice);
  if (is_all) return std::move(hours);
  const auto of_last = [last = hours.back().sum.device](const Rollup& hour) { return hour.sum.device == last; };
  if (of_last(hours.front()))
    return read_devices_of(transaction, levels, {slice.over, slice.most * 2, slice.most_bytes * 2});
  std::erase_if(hours, of_last);
  return std::move(hours);
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
  write_hours(transaction, hours);
  const Instant days_until = read_levels(transaction).days_until;
  Rollups late(24h);
  for (const auto& [sum, windows] : hours)
    if (sum.started_at < days_until) late.add(sum, windows);
  write_days(transaction, late.take());
}

RolledDay RollDay::operator()(pqxx::work& transaction) const {
  Levels levels = read_levels(transaction);
  if (!levels.days_device && levels.days_until + 24h > over) return {.nothing_left = true};
  const auto hours = read_devices_of(transaction, levels, *this);
  Rollups days(24h);
  for (const auto& [sum, windows] : hours) days.add(sum, windows);
  const auto rollups = days.take();
  write_days(transaction, rollups);
  levels.days_device.reset();
  if (hours.empty()) {
    levels.days_until += 24h;
  } else {
    levels.days_device = hours.back().sum.device;
  }
  note_levels(transaction, levels);
  return {.days = rollups.size(), .is_inside = levels.days_device.has_value()};
}

}  // namespace argosy::server

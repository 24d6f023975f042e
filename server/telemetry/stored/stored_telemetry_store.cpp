#include "server/telemetry/stored/stored_telemetry_store.hpp"

#include <algorithm>
#include <utility>

#include "server/db/binary_read.hpp"
#include "server/db/rows.hpp"
#include "server/telemetry/stored/day_entries.hpp"
#include "server/telemetry/stored/packed_windows.hpp"
#include "server/telemetry/stored/rollup_rows_store.hpp"

namespace argosy::server {

namespace {

using namespace std::chrono_literals;

using Visit = std::function<void(TakenWindow&&)>;

constexpr std::size_t devices_a_statement = 250;

struct Between {
  Instant from{};
  Instant to{};
};

Between narrowed(const Between& range, Instant from, Instant to) {
  return {std::max(range.from, from), std::min(range.to, to)};
}

// One statement a table and some devices.
class LevelReader {
 public:
  LevelReader(pqxx::work& transaction, const StoredRange& range, const std::string& devices, const Visit& visit)
      : transaction_(transaction), range_(range), devices_(devices), visit_(visit) {}

  void read_unpacked(const Between& time) { read("telemetry_unpacked", "started_at", time); }
  void read_hours(const Between& time) { read("telemetry_hours", "hour", time); }

  void read_days(const Between& time) {
    if (time.from >= time.to) return;
    const bool with_shapes = (range_.parts & (part_features | part_classes)) != 0;
    BinaryRead rows(transaction_, query("telemetry_days", "month", with_shapes ? "entries, shapes" : "entries",
                                        {month_of(time.from), time.to}));
    while (rows.next()) {
      const auto visit = [&](TakenWindow&& day) {
        if (day.started_at < time.from || day.started_at >= time.to) return;
        name(day, rows);
        visit_(std::move(day));
      };
      (void)visit_days(rows.bytea(4), with_shapes ? rows.bytea(5) : ByteView(), range_.parts, visit);
    }
  }

  void read_packed(const Between& time) {
    BinaryRead rows(transaction_, query("telemetry_packed", "hour", "packed", {time.from - 1h + 1ms, time.to}));
    while (rows.next()) {
      auto packed = unpack_windows(rows.bytea(4), range_.parts);
      if (!packed) continue;
      for (auto& one : *packed) {
        TakenWindow& window = one.window;
        if (window.started_at < time.from || window.started_at >= time.to) continue;
        name(window, rows);
        visit_(std::move(window));
      }
    }
  }

 private:
  void read(const char* table, const char* start, const Between& time) {
    if (time.from >= time.to) return;
    BinaryRead rows(transaction_, query(table, start, "figures", time));
    while (rows.next()) {
      TakenWindow window;
      name(window, rows);
      window.started_at = rows.timestamptz(3);
      (void)decode_figures(rows.bytea(4), window, range_.parts);
      visit_(std::move(window));
    }
  }

  static void name(TakenWindow& window, const BinaryRead& rows) {
    window.device = rows.text(0);
    window.model = rows.text(1);
    window.version = rows.text(2);
  }

  std::string query(const std::string& table, const std::string& start, const std::string& values,
                    const Between& time) const {
    std::string sql = "select device_id, model, version, " + start + ", " + values + " from " + table +
                      " where device_id in (select unnest(" + devices_ + "::text[])) and " + start +
                      " >= " + transaction_.quote(to_rfc3339(time.from)) + " and " + start + " < " +
                      transaction_.quote(to_rfc3339(time.to));
    if (!range_.model.empty()) sql += " and model = " + transaction_.quote(range_.model);
    if (!range_.version.empty()) sql += " and version = " + transaction_.quote(range_.version);
    return sql;
  }

  pqxx::work& transaction_;
  const StoredRange& range_;
  const std::string& devices_;
  const Visit& visit_;
};

// Each window lies in telemetry_unpacked, or in telemetry_packed and in its hour, and once its day is added up in that.
void read_level(LevelReader& reader, const StoredRange& range, const Levels& levels) {
  const Between all{range.from, range.to};
  const Instant ever{};
  reader.read_unpacked(all);
  switch (range.level) {
    case Level::windows:
      reader.read_packed(all);
      reader.read_hours(narrowed(all, levels.hours_from, levels.packed_from));
      reader.read_days(narrowed(all, ever, std::min(levels.hours_from, levels.packed_from)));
      return;
    case Level::hours:
      reader.read_hours(all);
      reader.read_days(narrowed(all, ever, levels.hours_from));
      return;
    case Level::days:
      reader.read_days(narrowed(all, ever, levels.days_until));
      reader.read_hours(narrowed(all, levels.days_until, all.to));
      return;
  }
}

}  // namespace

void visit_stored(pqxx::work& transaction, const StoredRange& range, const Visit& visit) {
  const auto levels = read_levels(transaction);
  for (std::size_t first = 0; first < range.devices.size(); first += devices_a_statement) {
    const auto last = std::min(first + devices_a_statement, range.devices.size());
    const auto begin = range.devices.begin();
    const std::vector<std::string> some(begin + static_cast<std::ptrdiff_t>(first),
                                        begin + static_cast<std::ptrdiff_t>(last));
    const std::string devices = transaction.quote(pg_array(some));
    LevelReader reader(transaction, range, devices, visit);
    read_level(reader, range, levels);
  }
}

Level level_for(Duration step) {
  if (step >= 24h) return Level::days;
  return step >= 1h ? Level::hours : Level::windows;
}

}  // namespace argosy::server

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

enum class Source : std::int64_t { sums, packed, days };

// All levels in one statement, which sees one moment: between two, a slice that is packed would be found twice, or not
// at all.
class LevelsReader {
 public:
  LevelsReader(pqxx::work& transaction, const StoredRange& range, std::string devices)
      : transaction_(transaction), range_(range), devices_(std::move(devices)) {}

  void add_unpacked(const Between& time) { add(Source::sums, "telemetry_unpacked", "started_at", "figures", time); }
  void add_hours(const Between& time) { add(Source::sums, "telemetry_hours", "hour", "figures", time); }
  void add_packed(const Between& time) {
    add(Source::packed, "telemetry_packed", "hour", "packed", {time.from - 1h + 1ms, time.to});
    of_packed_ = time;
  }
  void add_days(const Between& time) {
    if (time.from >= time.to) return;
    add(Source::days, "telemetry_days", "month", "entries", {month_of(time.from), time.to});
    of_days_ = time;
  }

  void visit_all(const Visit& visit) const {
    if (sql_.empty()) return;
    BinaryRead rows(transaction_, sql_);
    while (rows.next()) {
      switch (static_cast<Source>(rows.bigint(0))) {
        case Source::sums:
          visit_sum(rows, visit);
          break;
        case Source::packed:
          visit_packed(rows, visit);
          break;
        case Source::days:
          visit_month(rows, visit);
          break;
      }
    }
  }

 private:
  bool wants_shapes() const { return (range_.parts & (part_features | part_classes)) != 0; }

  void add(Source source, const std::string& table, const std::string& start, const std::string& value,
           const Between& time) {
    if (time.from >= time.to) return;
    if (!sql_.empty()) sql_ += " union all ";
    const bool with_shapes = source == Source::days && wants_shapes();
    sql_ += "select " + std::to_string(static_cast<std::int64_t>(source)) + "::bigint, device_id, model, version, " +
            start + ", " + value + ", " + (with_shapes ? "shapes" : "null::bytea") + " from " + table +
            " where device_id in (select unnest(" + devices_ + "::text[])) and " + start +
            " >= " + transaction_.quote(to_rfc3339(time.from)) + " and " + start + " < " +
            transaction_.quote(to_rfc3339(time.to));
    if (!range_.model.empty()) sql_ += " and model = " + transaction_.quote(range_.model);
    if (!range_.version.empty()) sql_ += " and version = " + transaction_.quote(range_.version);
  }

  static void name(TakenWindow& window, const BinaryRead& rows) {
    window.device = rows.text(1);
    window.model = rows.text(2);
    window.version = rows.text(3);
  }
  void visit_sum(const BinaryRead& rows, const Visit& visit) const {
    TakenWindow window;
    name(window, rows);
    window.started_at = rows.timestamptz(4);
    (void)decode_figures(rows.bytea(5), window, range_.parts);
    visit(std::move(window));
  }
  void visit_packed(const BinaryRead& rows, const Visit& visit) const {
    auto packed = unpack_windows(rows.bytea(5), range_.parts);
    if (!packed) return;
    for (auto& one : *packed) visit_within(of_packed_, std::move(one.window), rows, visit);
  }
  void visit_month(const BinaryRead& rows, const Visit& visit) const {
    (void)visit_days(rows.bytea(5), rows.bytea(6), range_.parts,
                     [&](TakenWindow&& day) { visit_within(of_days_, std::move(day), rows, visit); });
  }
  static void visit_within(const Between& time, TakenWindow&& window, const BinaryRead& rows, const Visit& visit) {
    if (window.started_at < time.from || window.started_at >= time.to) return;
    name(window, rows);
    visit(std::move(window));
  }

  pqxx::work& transaction_;
  const StoredRange& range_;
  std::string devices_;
  std::string sql_;
  Between of_packed_, of_days_;
};

// Each window lies in telemetry_unpacked, or in telemetry_packed and in its hour, and once its day is added up in that.
void add_levels(LevelsReader& reader, const StoredRange& range, const Levels& levels) {
  const Between all{range.from, range.to};
  const Instant ever{};
  reader.add_unpacked(all);
  switch (range.level) {
    case Level::windows:
      reader.add_packed(narrowed(all, levels.packed_from, all.to));
      reader.add_hours(narrowed(all, levels.hours_from, levels.packed_from));
      reader.add_days(narrowed(all, ever, std::min(levels.hours_from, levels.packed_from)));
      return;
    case Level::hours:
      reader.add_hours(narrowed(all, levels.hours_from, all.to));
      reader.add_days(narrowed(all, ever, levels.hours_from));
      return;
    case Level::days:
      reader.add_days(narrowed(all, ever, levels.days_until));
      reader.add_hours(narrowed(all, levels.days_until, all.to));
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
    LevelsReader reader(transaction, range, transaction.quote(pg_array(some)));
    add_levels(reader, range, levels);
    reader.visit_all(visit);
  }
}

Level level_for(Duration step) {
  if (step >= 24h) return Level::days;
  return step >= 1h ? Level::hours : Level::windows;
}

}  // namespace argosy::server

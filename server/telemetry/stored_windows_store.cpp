#include "server/telemetry/stored_windows_store.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

std::string statement_for(const StoredWindowsWanted& wanted) {
  std::string sql = R"sql(
    select p.n, w.*
    from jsonb_to_recordset($1::jsonb) as
      p(n int, device text, model text, version text, after timestamptz, before timestamptz)
    cross join lateral (
      select started_at, version, figures
      from telemetry_windows
      where device_id = p.device
        and model = p.model
        and (p.version = '' or version = p.version)
        and started_at > p.after
        and started_at < p.before
  )sql";
  sql += wanted.newest_first ? "order by started_at desc" : "order by started_at";
  sql += R"sql(
      limit $2
    ) w
    order by p.n, w.started_at
  )sql";
  return wanted.newest_first ? sql + " desc" : sql;
}

}  // namespace

std::vector<std::vector<TakenWindow>> read_stored_windows(pqxx::work& transaction, const StoredWindowsWanted& wanted) {
  std::vector<std::vector<TakenWindow>> windows(wanted.pairs.size());
  if (wanted.pairs.empty()) return windows;
  auto pairs = json::array();
  for (const auto& [pair, after, before, version] : wanted.pairs)
    pairs.push_back({{"n", pairs.size()},
                     {"device", pair.device},
                     {"model", pair.model},
                     {"version", version},
                     {"after", to_rfc3339(after)},
                     {"before", to_rfc3339(before)}});
  const auto rows = transaction.exec_params(statement_for(wanted), pairs.dump(), wanted.most);
  const auto place = rows.column_number("n");
  const auto started_at = rows.column_number("started_at");
  const auto version = rows.column_number("version");
  const auto figures = rows.column_number("figures");
  for (const auto& row : rows) {
    const auto n = row[place].as<std::size_t>();
    TakenWindow window;
    window.device = wanted.pairs[n].pair.device;
    window.model = wanted.pairs[n].pair.model;
    window.version = row[version].as<std::string>();
    window.started_at = row[started_at].as<Instant>();
    read_figures(row[figures].c_str(), window);
    windows[n].push_back(std::move(window));
  }
  return windows;
}

}  // namespace argosy::server

#include "server/rollouts/guards/window_rows_store.hpp"

#include <string>
#include <utility>

#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

TakenWindow window_of(const pqxx::row& row) {
  TakenWindow window;
  window.device = row["device"].as<std::string>();
  window.version = row["version"].as<std::string>();
  window.started_at = row["started_at"].as<Instant>();
  read_figures(row["figures"].c_str(), window);
  return window;
}

}  // namespace

std::vector<TakenWindow> newest_windows(pqxx::work& transaction, const std::vector<std::string>& devices,
                                        const WindowsWanted& wanted) {
  static const Statement find_newest{"newest_windows", R"sql(
    select p.device, w.version, w.started_at, w.figures
    from unnest($1::text[]) as p(device)
    cross join lateral (
      select *
      from telemetry_windows i
      where i.device_id = p.device and i.model = $2 and i.version <> $3
        and i.started_at < $4::timestamptz and i.started_at >= $4::timestamptz - make_interval(secs => $5)
      order by i.started_at desc
      limit $6
    ) as w
    order by p.device, w.started_at desc
  )sql"};
  std::vector<TakenWindow> windows;
  for (const auto& row :
       exec_prepared(transaction, find_newest, pg_array(devices), wanted.model, wanted.version, wanted.until,
                     std::chrono::duration<double>(wanted.reach_back).count(), wanted.of_each_device))
    windows.push_back(window_of(row));
  return windows;
}

}  // namespace argosy::server

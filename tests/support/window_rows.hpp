// Rows of windows, for tests that put them there or look at what became of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/encoding.hpp"
#include "server/db/rows.hpp"
#include "server/telemetry/telemetry.hpp"
#include "server/telemetry/window_figures.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::test {

inline std::string figures_sql(const server::TakenWindow& window) {
  return "decode('" + to_hex(server::encode_figures(window)) + "', 'hex')";
}

inline void add_window(TestDatabase& database, const server::TakenWindow& window, std::uint64_t seq) {
  database.exec("insert into telemetry_windows (started_at, seq, epoch, device_id, model, version, figures) values ('" +
                to_rfc3339(window.started_at) + "', " + std::to_string(seq) + ", x'0123456789abcdef'::bigint, '" +
                window.device + "', '" + window.model + "', '" + window.version + "', " + figures_sql(window) + ")");
}

// In the order of their sequence.
inline std::vector<server::TakenWindow> stored_windows(TestDatabase& database) {
  std::vector<server::TakenWindow> windows;
  for (const auto& row : database.exec(
           "select device_id, model, version, started_at, figures from telemetry_unpacked order by device_id, seq")) {
    server::TakenWindow window;
    window.device = row["device_id"].as<std::string>();
    window.model = row["model"].as<std::string>();
    window.version = row["version"].as<std::string>();
    window.started_at = row["started_at"].as<Instant>();
    server::read_figures(row["figures"].c_str(), window);
    windows.push_back(std::move(window));
  }
  return windows;
}

// Each window as `change` makes it.
template <class Change>
void change_windows(TestDatabase& database, Change change) {
  for (auto window : stored_windows(database)) {
    const std::string key =
        " where device_id = '" + window.device + "' and started_at = '" + to_rfc3339(window.started_at) + "'";
    change(window);
    database.exec("update telemetry_windows set figures = " + figures_sql(window) + key);
  }
}

}  // namespace argosy::test

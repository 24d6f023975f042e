#include "server/telemetry/stored_windows_store.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/telemetry/stored/packed_windows.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

struct FoundWindow {
  std::pair<std::int64_t, std::uint64_t> record;  // epoch and sequence
  TakenWindow window;
};
using Found = std::vector<std::vector<FoundWindow>>;

std::string pairs_of(const std::vector<WindowsOfPair>& pairs) {
  auto rows = json::array();
  for (const auto& [pair, after, before, version, but_not] : pairs)
    rows.push_back({{"n", rows.size()},
                    {"device", pair.device},
                    {"model", pair.model},
                    {"version", version},
                    {"but_not", but_not},
                    {"after", to_rfc3339(after)},
                    {"before", to_rfc3339(before)}});
  return rows.dump();
}

constexpr const char* pairs_table = R"sql(
    jsonb_to_recordset($1::jsonb)
      as p(n int, device text, model text, version text, but_not text, after timestamptz, before timestamptz)
)sql";
constexpr const char* of_the_pair = R"sql(
    device_id = p.device
      and model = p.model
      and (p.version = '' or version = p.version)
      and (p.but_not = '' or version <> p.but_not)
)sql";

void read_unpacked(pqxx::work& transaction, const StoredWindowsWanted& wanted, Found& found) {
  const std::string order = wanted.newest_first ? " desc" : "";
  const auto rows = transaction.exec_params(
      "select p.n, w.* from " + std::string(pairs_table) +
          "cross join lateral (select started_at, epoch, seq, version, figures from telemetry_unpacked where " +
          of_the_pair + "and started_at > p.after and started_at < p.before order by started_at" + order +
          " limit $2) w",
      pairs_of(wanted.pairs), wanted.most);
  const auto place = rows.column_number("n");
  const auto started_at = rows.column_number("started_at");
  const auto epoch = rows.column_number("epoch");
  const auto seq = rows.column_number("seq");
  const auto version = rows.column_number("version");
  const auto figures = rows.column_number("figures");
  for (const auto& row : rows) {
    TakenWindow window;
    window.version = row[version].as<std::string>();
    window.started_at = row[started_at].as<Instant>();
    read_figures(row[figures].c_str(), window);
    found[row[place].as<std::size_t>()].push_back(
        {{row[epoch].as<std::int64_t>(), row[seq].as<std::uint64_t>()}, std::move(window)});
  }
}

// As many packed rows of each pair as hold `most` windows; rows that reach over a bound are not counted on.
void read_packed(pqxx::work& transaction, const StoredWindowsWanted& wanted, Found& found) {
  const std::string order = wanted.newest_first ? " desc" : "";
  const auto rows = transaction.exec_params("select p.n, w.epoch, w.version, w.packed from " +
                                                std::string(pairs_table) + R"sql(
        cross join lateral (
          select epoch, version, packed
          from (
            select epoch, version, packed,
              sum(case when hour > p.after and hour + interval '1 hour' <= p.before then windows else 0 end)
                over (order by hour)sql" + order +
                                                R"sql( rows between unbounded preceding and 1 preceding) as before_it
            from telemetry_packed
            where )sql" + of_the_pair + R"sql(
              and hour > p.after - interval '1 hour' and hour < p.before
          ) hours
          where coalesce(before_it, 0) < $2
        ) w
      )sql",
                                            pairs_of(wanted.pairs), wanted.most);
  for (const auto& row : rows) {
    const auto n = row["n"].as<std::size_t>();
    const auto& [pair, after, before, version, but_not] = wanted.pairs[n];
    const auto bytes = from_hex(std::string_view(row["packed"].c_str()).substr(2));
    auto packed = bytes ? unpack_windows(*bytes) : bytes.error();
    if (!packed) continue;  // one row must not hold up a judge
    for (auto& [seq, link, window] : *packed) {
      if (window.started_at <= after || window.started_at >= before) continue;
      window.version = row["version"].as<std::string>();
      found[n].push_back({{row["epoch"].as<std::int64_t>(), seq}, std::move(window)});
    }
  }
}

// What is packed of a pair is of interest up to where as many as are wanted were found unpacked.
StoredWindowsWanted still_wanted(StoredWindowsWanted wanted, const Found& found) {
  for (std::size_t n = 0; n < found.size(); ++n) {
    if (found[n].size() < wanted.most) continue;
    const Instant last = found[n].back().window.started_at;
    auto& of_pair = wanted.pairs[n];
    (wanted.newest_first ? of_pair.after : of_pair.before) = last;
  }
  return wanted;
}

void sort_by_time(Found& found, bool newest_first) {
  for (auto& windows : found)
    std::stable_sort(windows.begin(), windows.end(), [newest_first](const FoundWindow& a, const FoundWindow& b) {
      return newest_first ? a.window.started_at > b.window.started_at : a.window.started_at < b.window.started_at;
    });
}

}  // namespace

std::vector<std::vector<TakenWindow>> read_stored_windows(pqxx::work& transaction, const StoredWindowsWanted& wanted) {
  Found found(wanted.pairs.size());
  if (wanted.pairs.empty() || wanted.most == 0) return std::vector<std::vector<TakenWindow>>(found.size());
  read_unpacked(transaction, wanted, found);
  sort_by_time(found, wanted.newest_first);
  read_packed(transaction, still_wanted(wanted, found), found);
  sort_by_time(found, wanted.newest_first);
  std::vector<std::vector<TakenWindow>> windows(found.size());
  for (std::size_t n = 0; n < found.size(); ++n) {
    // What was packed after it had been read is found once more.
    std::set<std::pair<std::int64_t, std::uint64_t>> known;
    for (auto& [record, window] : found[n]) {
      if (windows[n].size() == wanted.most) break;
      if (!known.insert(record).second) continue;
      window.device = wanted.pairs[n].pair.device;
      window.model = wanted.pairs[n].pair.model;
      windows[n].push_back(std::move(window));
    }
  }
  return windows;
}

}  // namespace argosy::server

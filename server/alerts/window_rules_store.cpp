// The rules that judge windows, latency_doubled and accuracy_low: reads what a batch of (device, model) needs, has it
// judged (window_memory), and writes what follows.
#include <iterator>

#include <nlohmann/json.hpp>

#include "server/alerts/alert_rows_store.hpp"
#include "server/alerts/alert_store.hpp"
#include "server/db/rows.hpp"
#include "server/telemetry/due_pairs_sql.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

// Of one pair in one judgement; whoever has more is judged again.
constexpr std::size_t windows_at_once = 300;
// Usual latencies that are kept of a (device, model): a device that goes back to an older version finds it again.
constexpr int versions_kept = 8;

struct WatchedVersion {
  std::size_t place = 0;  // in the batch
  ServedVersion served;
  WindowMemory memory;
  std::vector<JudgedWindow> windows;
};

// The version that each device serves now, what is remembered of it, and the threshold that its release was validated
// against when that is an accuracy. Devices that are revoked and pairs without windows are left out.
std::vector<WatchedVersion> read_versions(pqxx::work& transaction, const JudgeWindows& judge) {
  const Instant oldest = judge.now - judge.rules.longest_look;
  static const std::string sql = R"sql(
    select p.n, p.device, p.model, w.version, b.ln_p95_mean, b.windows, b.updated_at,
      coalesce(b.read_until, b.updated_at) as read_until, b.recent, b.labels,
      case
        when r.validation ->> 'metric' = 'accuracy' and jsonb_typeof(r.validation -> 'threshold') = 'number'
        then (r.validation ->> 'threshold')::double precision
      end as accuracy_threshold
    from )sql" + served_pairs_sql() +
                                 R"sql(
    left join latency_baselines b on b.device_id = p.device and b.model = p.model and b.version = w.version
    left join releases r on r.model = p.model and r.version = w.version
  )sql";
  const auto rows = transaction.exec_params(sql, due_pairs_json(judge.due), oldest, judge.now + judged_ahead);
  std::vector<WatchedVersion> versions;
  for (const auto& row : rows) {
    WatchedVersion version;
    version.place = row["n"].as<std::size_t>();
    version.served = {row["device"].as<std::string>(), row["model"].as<std::string>(), row["version"].as<std::string>(),
                      optional_of<double>(row["accuracy_threshold"])};
    version.memory.read_until = oldest;
    if (!row["ln_p95_mean"].is_null()) {
      version.memory.is_new = false;
      version.memory.baseline = {row["ln_p95_mean"].as<double>(), row["windows"].as<std::uint64_t>(),
                                 row["updated_at"].as<Instant>()};
      version.memory.read_until = std::max(oldest, row["read_until"].as<Instant>());
      remember_recent(version.memory, row["recent"].as<std::string>());
      remember_labels(version.memory, row["labels"].as<std::string>());
    }
    versions.push_back(std::move(version));
  }
  return versions;
}

void read_windows(pqxx::work& transaction, const JudgeWindows& judge, std::vector<WatchedVersion>& versions) {
  auto wanted = json::array();
  for (const auto& version : versions)
    wanted.push_back({{"n", wanted.size()},
                      {"device", version.served.device},
                      {"model", version.served.model},
                      {"version", version.served.version},
                      {"since", to_rfc3339(version.memory.read_until)}});
  const auto rows = transaction.exec_params(
      R"sql(
        select p.n, w.started_at, w.figures
        from jsonb_to_recordset($1::jsonb) as p(n int, device text, model text, version text, since timestamptz)
        cross join lateral (
          select started_at, figures
          from telemetry_windows
          where device_id = p.device
            and model = p.model
            and version = p.version
            and started_at > p.since
            and started_at > $2::timestamptz
            and started_at < $3::timestamptz
          order by started_at
          limit $4
        ) w
        order by p.n, w.started_at
      )sql",
      wanted.dump(), judge.now - judge.rules.longest_look, judge.now + judged_ahead, windows_at_once);
  const auto place = rows.column_number("n");
  const auto started_at = rows.column_number("started_at");
  const auto figures = rows.column_number("figures");
  for (const auto& row : rows) {
    TakenWindow window;
    window.started_at = row[started_at].as<Instant>();
    read_figures(row[figures].c_str(), window);
    versions[row[place].as<std::size_t>()].windows.push_back(
        {window.started_at, window.latency.quantile(0.95), window.count, window.labelled, window.correct});
  }
}

void save_memories(pqxx::work& transaction, const std::vector<WatchedVersion>& versions) {
  auto rows = json::array();
  bool any_new = false;
  for (const auto& [place, served, memory, windows] : versions) {
    if (windows.empty()) continue;
    any_new = any_new || memory.is_new;
    rows.push_back({{"device", served.device},
                    {"model", served.model},
                    {"version", served.version},
                    {"is_new", memory.is_new},
                    {"mean", memory.baseline.ln_p95_mean},
                    {"windows", memory.baseline.windows},
                    {"until", to_rfc3339(memory.baseline.until)},
                    {"read_until", to_rfc3339(memory.read_until)},
                    {"recent", recent_to_json(memory)},
                    {"labels", labels_to_json(memory)}});
  }
  if (rows.empty()) return;
  const auto text = rows.dump();
  transaction.exec_params0(
      R"sql(
        insert into latency_baselines
          (device_id, model, version, ln_p95_mean, windows, updated_at, read_until, recent, labels)
        select device, model, version, mean, windows, until, read_until, recent, labels
        from jsonb_to_recordset($1::jsonb) as m(device text, model text, version text, mean double precision,
          windows bigint, until timestamptz, read_until timestamptz, recent text, labels text)
        order by device, model, version
        on conflict (device_id, model, version) do update set ln_p95_mean = excluded.ln_p95_mean,
          windows = excluded.windows, updated_at = excluded.updated_at, read_until = excluded.read_until,
          recent = excluded.recent, labels = excluded.labels
      )sql",
      text);
  if (!any_new) return;
  transaction.exec_params0(
      R"sql(
        delete from latency_baselines b
        using (
          select o.device_id, o.model, o.version,
            row_number() over (partition by o.device_id, o.model order by o.read_until desc nulls last) as
              newest
          from jsonb_to_recordset($1::jsonb) as m(device text, model text, is_new boolean)
          join latency_baselines o on o.device_id = m.device and o.model = m.model
          where m.is_new
        ) old
        where old.newest > $2
          and b.device_id = old.device_id
          and b.model = old.model
          and b.version = old.version
      )sql",
      text, versions_kept);
}

OngoingAlert open_alert_of(const OngoingAlerts& open, AlertRule rule, const ServedVersion& served) {
  const auto found = open.find({rule, served.device, served.model});
  return found != open.end() ? found->second : OngoingAlert{};
}

}  // namespace

Judged JudgeWindows::operator()(pqxx::work& transaction) const {
  lock_alerts(transaction);
  Judged judged;
  auto versions = read_versions(transaction, *this);
  if (versions.empty()) return judged;
  read_windows(transaction, *this, versions);
  std::vector<std::string> devices;
  for (const auto& version : versions) devices.push_back(version.served.device);
  const auto open = read_open_alerts(transaction, devices);
  std::vector<AlertFinding> findings;
  for (auto& [place, served, memory, windows] : versions) {
    auto of_pair = judge_windows(rules, served, memory, open_alert_of(open, AlertRule::latency_doubled, served),
                                 open_alert_of(open, AlertRule::accuracy_low, served), windows, now);
    findings.insert(findings.end(), std::make_move_iterator(of_pair.begin()), std::make_move_iterator(of_pair.end()));
    if (windows.size() == windows_at_once) judged.unfinished.push_back(place);
  }
  save_memories(transaction, versions);
  judged.moved = apply_findings(transaction, open, findings, now);
  return judged;
}

}  // namespace argosy::server

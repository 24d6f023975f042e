// The rules that judge windows, latency_doubled and accuracy_low: reads what a batch of (device, model) needs, has it
// judged (window_memory), and writes what follows.
#include <iterator>

#include <nlohmann/json.hpp>

#include "server/alerts/alert_rows_store.hpp"
#include "server/alerts/alert_store.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

// A device's clock may be a little ahead; what it dates further into the future is not judged.
constexpr Duration clock_tolerance{300'000};
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

std::string pairs_json(const std::vector<DuePair>& due) {
  auto pairs = json::array();
  for (const auto& [pair, at, order, earliest] : due)
    pairs.push_back({{"n", pairs.size()}, {"device", pair.device}, {"model", pair.model}});
  return pairs.dump();
}

// The version that each device serves now, what is remembered of it, and the threshold that its release was validated
// against when that is an accuracy. Devices that are revoked and pairs without windows are left out. The limit on
// devices keeps the planner from reading all of them for some hundred.
std::vector<WatchedVersion> read_versions(pqxx::work& transaction, const JudgeWindows& judge) {
  const Instant oldest = judge.now - judge.rules.longest_look;
  const auto rows = transaction.exec_params(
      "select p.n, p.device, p.model, w.version, b.ln_p95_mean, b.windows, "
      "(extract(epoch from b.updated_at) * 1000)::bigint, "
      "(extract(epoch from coalesce(b.read_until, b.updated_at)) * 1000)::bigint, b.recent, b.labels, "
      "case when r.validation ->> 'metric' = 'accuracy' and jsonb_typeof(r.validation -> 'threshold') = 'number' "
      "     then (r.validation ->> 'threshold')::double precision end "
      "from jsonb_to_recordset($1::jsonb) as p(n int, device text, model text) "
      "cross join lateral (select id from devices where id = p.device and revoked_at is null limit 1) d "
      "cross join lateral (select version from inference_windows where device_id = p.device and model = p.model and "
      "  started_at > $2::timestamptz and started_at < $3::timestamptz order by started_at desc limit 1) w "
      "left join latency_baselines b on b.device_id = p.device and b.model = p.model and b.version = w.version "
      "left join releases r on r.model = p.model and r.version = w.version",
      pairs_json(judge.due), to_rfc3339(oldest), to_rfc3339(judge.now + clock_tolerance));
  std::vector<WatchedVersion> versions;
  for (const auto& row : rows) {
    WatchedVersion version;
    version.place = row[0].as<std::size_t>();
    version.served = {row[1].as<std::string>(), row[2].as<std::string>(), row[3].as<std::string>(), std::nullopt};
    if (!row[10].is_null()) version.served.accuracy_threshold = row[10].as<double>();
    version.memory.read_until = oldest;
    if (!row[4].is_null()) {
      version.memory.is_new = false;
      version.memory.baseline = {row[4].as<double>(), row[5].as<std::uint64_t>(),
                                 instant_from_ms(row[6].as<std::int64_t>())};
      version.memory.read_until = std::max(oldest, instant_from_ms(row[7].as<std::int64_t>()));
      remember_recent(version.memory, row[8].as<std::string>());
      remember_labels(version.memory, row[9].as<std::string>());
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
      "select p.n, (extract(epoch from w.started_at) * 1000)::bigint, w.p95_ms, w.count, w.labelled, w.correct "
      "from jsonb_to_recordset($1::jsonb) as p(n int, device text, model text, version text, since timestamptz) "
      "cross join lateral (select started_at, p95_ms, count, labelled, correct from inference_windows "
      "  where device_id = p.device and model = p.model and version = p.version and started_at > p.since "
      "  and started_at > $2::timestamptz and started_at < $3::timestamptz order by started_at limit $4) w "
      "order by p.n, w.started_at",
      wanted.dump(), to_rfc3339(judge.now - judge.rules.longest_look), to_rfc3339(judge.now + clock_tolerance),
      windows_at_once);
  for (const auto& row : rows) {
    JudgedWindow window;
    window.started_at = instant_from_ms(row[1].as<std::int64_t>());
    if (!row[2].is_null()) window.p95_ms = row[2].as<double>();
    window.count = row[3].as<std::uint64_t>();
    window.labelled = row[4].as<std::uint64_t>();
    window.correct = row[5].as<std::uint64_t>();
    versions[row[0].as<std::size_t>()].windows.push_back(window);
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
      "insert into latency_baselines (device_id, model, version, ln_p95_mean, windows, updated_at, read_until, recent, "
      "labels) select device, model, version, mean, windows, until, read_until, recent, labels "
      "from jsonb_to_recordset($1::jsonb) as m(device text, model text, version text, mean double precision, "
      "windows bigint, until timestamptz, read_until timestamptz, recent text, labels text) "
      "order by device, model, version "
      "on conflict (device_id, model, version) do update set "
      "ln_p95_mean = excluded.ln_p95_mean, windows = excluded.windows, updated_at = excluded.updated_at, "
      "read_until = excluded.read_until, recent = excluded.recent, labels = excluded.labels",
      text);
  if (!any_new) return;
  transaction.exec_params0(
      "delete from latency_baselines b using (select o.device_id, o.model, o.version, row_number() over "
      "  (partition by o.device_id, o.model order by o.read_until desc nulls last) as newest "
      "  from jsonb_to_recordset($1::jsonb) as m(device text, model text, is_new boolean) "
      "  join latency_baselines o on o.device_id = m.device and o.model = m.model where m.is_new) old "
      "where old.newest > $2 and b.device_id = old.device_id and b.model = old.model and b.version = old.version",
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

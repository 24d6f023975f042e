// The rules that judge windows, latency_doubled and accuracy_low, where the database is asked: reads what a batch of
// (device, model) needs, has it judged (window_memory), and writes what follows. And what was judged from memory.
#include <iterator>
#include <set>

#include <nlohmann/json.hpp>

#include "server/alerts/alert_rows_store.hpp"
#include "server/alerts/alert_store.hpp"
#include "server/db/rows.hpp"
#include "server/telemetry/stored_windows_store.hpp"

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

constexpr auto threshold_of_release = R"sql(
  case
    when r.validation ->> 'metric' = 'accuracy' and jsonb_typeof(r.validation -> 'threshold') = 'number'
    then (r.validation ->> 'threshold')::double precision
  end as accuracy_threshold
)sql";

// The newest window of each pair, which tells the version that the device serves now.
std::vector<std::vector<TakenWindow>> newest_windows(pqxx::work& transaction, const JudgeWindows& judge) {
  StoredWindowsWanted wanted{.most = 1, .newest_first = true};
  for (const auto& due : judge.due)
    wanted.pairs.push_back({due.pair, judge.now - judge.rules.longest_look, judge.now + judged_ahead});
  return read_stored_windows(transaction, wanted);
}

// What cannot be read counts as forgotten.
HourlyUsual by_hour_of(const std::string& hex) {
  const auto bytes = from_hex(hex);
  return bytes ? HourlyUsual::unpack(*bytes) : HourlyUsual{};
}

// The version that each device serves now, what is written of it, and the threshold that its release was validated
// against when that is an accuracy. Devices that are revoked and pairs without windows are left out.
std::vector<WatchedVersion> read_versions(pqxx::work& transaction, const JudgeWindows& judge) {
  const Instant oldest = judge.now - judge.rules.longest_look;
  const auto newest = newest_windows(transaction, judge);
  auto pairs = json::array();
  for (std::size_t place = 0; place < newest.size(); ++place) {
    if (newest[place].empty()) continue;
    pairs.push_back({{"n", place},
                     {"device", judge.due[place].pair.device},
                     {"model", judge.due[place].pair.model},
                     {"version", newest[place].front().version}});
  }
  std::vector<WatchedVersion> versions;
  if (pairs.empty()) return versions;
  // The limit on devices keeps the planner from reading all of them for some hundred.
  static const std::string sql = std::string(R"sql(
    select p.n, p.device, p.model, p.version, b.ln_p95_mean, b.windows, b.updated_at,
      coalesce(b.read_until, b.updated_at) as read_until, b.recent, b.labels, b.falls, b.fresh, b.by_hour,
      b.high_share,
  )sql") + threshold_of_release + R"sql(
    from jsonb_to_recordset($1::jsonb) as p(n int, device text, model text, version text)
    cross join lateral (select id from devices where id = p.device and revoked_at is null limit 1) d
    left join latency_baselines b on b.device_id = p.device and b.model = p.model and b.version = p.version
    left join releases r on r.model = p.model and r.version = p.version
  )sql";
  for (const auto& row : transaction.exec_params(sql, pairs.dump())) {
    WatchedVersion version;
    version.place = row["n"].as<std::size_t>();
    version.served = {row["device"].as<std::string>(), row["model"].as<std::string>(), row["version"].as<std::string>(),
                      optional_of<double>(row["accuracy_threshold"])};
    version.memory.read_until = oldest;
    if (!row["ln_p95_mean"].is_null()) {
      version.memory.is_new = false;
      version.memory.baseline = {row["ln_p95_mean"].as<double>(), row["windows"].as<std::uint64_t>(),
                                 row["updated_at"].as<Instant>(), row["high_share"].as<double>(),
                                 by_hour_of(row["by_hour"].as<std::string>())};
      version.memory.read_until = std::max(oldest, row["read_until"].as<Instant>());
      remember_recent(version.memory, row["recent"].as<std::string>());
      remember_labels(version.memory, row["labels"].as<std::string>());
      remember_falls(version.memory, row["falls"].as<std::string>());
      remember_fresh(version.memory, row["fresh"].as<std::string>());
    }
    const auto window = judged_window_of(newest[version.place].front());
    if (window.p95_ms) version.memory.newest = LatencyWindow{window.started_at, *window.p95_ms, window.count};
    versions.push_back(std::move(version));
  }
  return versions;
}

void read_windows(pqxx::work& transaction, const JudgeWindows& judge, std::vector<WatchedVersion>& versions) {
  StoredWindowsWanted wanted{.most = windows_at_once};
  for (const auto& version : versions)
    wanted.pairs.push_back({{version.served.device, version.served.model},
                            std::max(version.memory.read_until, judge.now - judge.rules.longest_look),
                            judge.now + judged_ahead,
                            version.served.version});
  const auto windows = read_stored_windows(transaction, wanted);
  for (std::size_t i = 0; i < versions.size(); ++i) {
    for (const auto& window : windows[i]) versions[i].windows.push_back(judged_window_of(window));
  }
}

struct ToSave {
  const ServedVersion& served;
  const WindowMemory& memory;
};

void save_memories(pqxx::work& transaction, const std::vector<ToSave>& memories) {
  auto rows = json::array();
  bool any_new = false;
  for (const auto& [served, memory] : memories) {
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
                    {"labels", labels_to_json(memory)},
                    {"falls", falls_to_json(memory)},
                    {"fresh", fresh_to_json(memory)},
                    {"by_hour", to_hex(memory.baseline.by_hour.pack())},
                    {"high_share", memory.baseline.high_share}});
  }
  if (rows.empty()) return;
  const auto text = rows.dump();
  transaction.exec_params0(
      R"sql(
        insert into latency_baselines
          (device_id, model, version, ln_p95_mean, windows, updated_at, read_until, recent, labels, falls, fresh, by_hour,
            high_share)
        select device, model, version, mean, windows, until, read_until, recent, labels, falls, fresh, by_hour, high_share
        from jsonb_to_recordset($1::jsonb) as m(device text, model text, version text, mean double precision,
          windows bigint, until timestamptz, read_until timestamptz, recent text, labels text,
          falls text, fresh text, by_hour text, high_share double precision)
        order by device, model, version
        on conflict (device_id, model, version) do update set ln_p95_mean = excluded.ln_p95_mean,
          windows = excluded.windows, updated_at = excluded.updated_at, read_until = excluded.read_until,
          recent = excluded.recent, labels = excluded.labels,
          falls = excluded.falls, fresh = excluded.fresh, by_hour = excluded.by_hour, high_share = excluded.high_share
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

OngoingAlert open_alert_of(const OngoingAlerts& open, const BuiltInRule& rule, const ServedVersion& served) {
  const auto found = open.find({std::string(rule.name), served.device, served.model});
  return found != open.end() ? found->second : OngoingAlert{};
}

// Those of `devices` that may be judged.
std::set<std::string> standing_devices(pqxx::work& transaction, const std::vector<std::string>& devices) {
  const auto rows = transaction.exec_params(
      "select id from devices where id in (select unnest($1::text[])) and revoked_at is null", pg_array(devices));
  std::set<std::string> standing;
  for (const auto& row : rows) standing.insert(row[0].as<std::string>());
  return standing;
}

bool is_as_remembered(const OngoingAlerts& open, const PairAlerts::Judgement& judgement) {
  const auto agrees = [&](const BuiltInRule& rule, AlertState remembered) {
    const auto alert = open_alert_of(open, rule, judgement.served);
    return alert.state == remembered && (alert.version.empty() || alert.version == judgement.served.version);
  };
  return agrees(built_in::latency_doubled, judgement.latency_before) &&
         agrees(built_in::accuracy_low, judgement.accuracy_before);
}

}  // namespace

WindowsJudged JudgeWindows::operator()(pqxx::work& transaction) const {
  lock_alerts(transaction);
  WindowsJudged answer;
  auto versions = read_versions(transaction, *this);
  if (versions.empty()) return answer;
  read_windows(transaction, *this, versions);
  std::vector<std::string> devices;
  for (const auto& version : versions) devices.push_back(version.served.device);
  const auto open = read_open_alerts(transaction, devices);
  std::vector<AlertFinding> findings;
  std::vector<ToSave> learned;
  for (auto& [place, served, memory, windows] : versions) {
    auto of_pair = judge_windows(rules, served, memory, open_alert_of(open, built_in::latency_doubled, served),
                                 open_alert_of(open, built_in::accuracy_low, served), windows, now);
    findings.insert(findings.end(), std::make_move_iterator(of_pair.findings.begin()),
                    std::make_move_iterator(of_pair.findings.end()));
    if (windows.size() == windows_at_once) answer.judged.unfinished.push_back(place);
    if (!windows.empty()) learned.push_back({served, memory});
    answer.pairs.push_back({place, served, memory, of_pair.latency, of_pair.accuracy});
  }
  save_memories(transaction, learned);
  answer.judged.moved = apply_findings(transaction, findings, now);
  return answer;
}

WrittenPairs WriteWindows::operator()(pqxx::work& transaction) const {
  lock_alerts(transaction);
  std::vector<std::string> devices, devices_that_move;
  for (const auto& [judgement, memory] : pairs) {
    devices.push_back(judgement.served.device);
    if (!judgement.findings.empty()) devices_that_move.push_back(judgement.served.device);
  }
  const auto standing = standing_devices(transaction, devices);
  const auto open = devices_that_move.empty() ? OngoingAlerts{} : read_open_alerts(transaction, devices_that_move);
  WrittenPairs written;
  std::vector<AlertFinding> findings;
  std::vector<ToSave> learned;
  for (std::size_t place = 0; place < pairs.size(); ++place) {
    const auto& [judgement, memory] = pairs[place];
    const bool moves = !judgement.findings.empty();
    if (!standing.contains(judgement.served.device) || (moves && !is_as_remembered(open, judgement))) {
      written.outdated.push_back(place);
      continue;
    }
    findings.insert(findings.end(), judgement.findings.begin(), judgement.findings.end());
    learned.push_back({judgement.served, memory});
  }
  save_memories(transaction, learned);
  if (!findings.empty()) written.moved = apply_findings(transaction, findings, now);
  return written;
}

std::vector<ReadThresholds::Threshold> ReadThresholds::operator()(pqxx::work& transaction) const {
  auto wanted = json::array();
  for (const auto& [model, version] : releases) wanted.push_back({{"model", model}, {"version", version}});
  static const std::string sql = std::string("select w.model, w.version, ") + threshold_of_release + R"sql(
    from jsonb_to_recordset($1::jsonb) as w(model text, version text)
    left join releases r on r.model = w.model and r.version = w.version
  )sql";
  std::vector<Threshold> thresholds;
  for (const auto& row : transaction.exec_params(sql, wanted.dump()))
    thresholds.push_back({row["model"].as<std::string>(), row["version"].as<std::string>(),
                          optional_of<double>(row["accuracy_threshold"])});
  return thresholds;
}

void WriteWorst::operator()(pqxx::work& transaction) const {
  for (const auto& [name, worst] : lists)
    transaction.exec_params0(
        R"sql(
          insert into worst_lists (name, told_at, items)
          values ($1, $2::timestamptz, $3::jsonb)
          on conflict (name) do update set told_at = excluded.told_at, items = excluded.items
        )sql",
        name, now, worst_to_json(worst));
}

}  // namespace argosy::server

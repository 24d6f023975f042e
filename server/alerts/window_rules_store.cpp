// The rules that judge windows, latency_doubled and accuracy_low: what JudgeWindows does for each (device, model).
#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "server/alerts/alert_rows_store.hpp"
#include "server/alerts/alert_store.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

// A device's clock may be a little ahead; what it dates further into the future is not judged.
constexpr Duration clock_tolerance{300'000};

// The windows that are news: as database times.
struct Look {
  std::string from;
  std::string to;
};

std::optional<std::string> newest_version(pqxx::work& transaction, const WatchedModel& pair, const Look& look) {
  const auto rows = transaction.exec_params(
      "select version from inference_windows where device_id = $1 and model = $2 and started_at > $3::timestamptz and "
      "started_at < $4::timestamptz order by started_at desc limit 1",
      pair.device, pair.model, look.from, look.to);
  if (rows.empty()) return std::nullopt;
  return rows[0][0].as<std::string>();
}

std::optional<LatencyBaseline> lock_baseline(pqxx::work& transaction, const WatchedModel& pair,
                                             const std::string& version) {
  const auto rows = transaction.exec_params(
      "select ln_p95_mean, windows, (extract(epoch from updated_at) * 1000)::bigint from latency_baselines "
      "where device_id = $1 and model = $2 and version = $3 for update",
      pair.device, pair.model, version);
  if (rows.empty()) return std::nullopt;
  return LatencyBaseline{rows[0][0].as<double>(), rows[0][1].as<std::uint64_t>(),
                         instant_from_ms(rows[0][2].as<std::int64_t>())};
}

void save_baseline(pqxx::work& transaction, const WatchedModel& pair, const std::string& version,
                   const LatencyBaseline& baseline) {
  transaction.exec_params0(
      "insert into latency_baselines (device_id, model, version, ln_p95_mean, windows, updated_at) "
      "values ($1, $2, $3, $4, $5, $6::timestamptz) on conflict (device_id, model, version) do update set "
      "ln_p95_mean = excluded.ln_p95_mean, windows = excluded.windows, updated_at = excluded.updated_at",
      pair.device, pair.model, version, baseline.ln_p95_mean, baseline.windows, to_rfc3339(baseline.until));
}

// Windows of the version with enough inferences, oldest first: the last `before` ones up to `until`, and all after it.
std::vector<LatencyWindow> read_latency(pqxx::work& transaction, const WatchedModel& pair, const std::string& version,
                                        const LatencyRule& rule, const Look& look, Instant until, std::size_t before) {
  const auto rows = transaction.exec_params(
      "(select (extract(epoch from started_at) * 1000)::bigint as at, p95_ms, count from inference_windows "
      "  where device_id = $1 and model = $2 and version = $3 and count >= $4 and p95_ms is not null "
      "  and started_at > $5::timestamptz and started_at <= $6::timestamptz order by started_at desc limit $7) "
      "union all "
      "(select (extract(epoch from started_at) * 1000)::bigint, p95_ms, count from inference_windows "
      "  where device_id = $1 and model = $2 and version = $3 and count >= $4 and p95_ms is not null "
      "  and started_at > $6::timestamptz and started_at > $5::timestamptz and started_at < $8::timestamptz "
      "  order by started_at limit 2000) order by at",
      pair.device, pair.model, version, rule.min_count, look.from, to_rfc3339(until), before, look.to);
  std::vector<LatencyWindow> windows;
  for (const auto& row : rows)
    windows.push_back({instant_from_ms(row[0].as<std::int64_t>()), row[1].as<double>(), row[2].as<std::uint64_t>()});
  return windows;
}

AlertFinding latency_finding(const WatchedModel& pair, const std::string& version, const LatencyRule& rule,
                             const LatencyJudgement& judgement) {
  char text[256];
  const char* format = judgement.state == AlertState::ok
                           ? "%s: latency of %s %s is back at %.1f ms (p95), usual here is %.1f ms"
                           : "%s: latency of %s %s is %.1f ms (p95), usual here is %.1f ms";
  std::snprintf(text, sizeof text, format, pair.device.c_str(), pair.model.c_str(), version.c_str(), judgement.value_ms,
                judgement.baseline_ms);
  AlertFinding finding{AlertRule::latency_doubled,
                       pair.device,
                       pair.model,
                       judgement.state,
                       judgement.value_ms,
                       std::max(rule.open_ratio * judgement.baseline_ms, judgement.baseline_ms + rule.min_delta_ms),
                       text,
                       {}};
  finding.details_json = json{
      {"version", version},
      {"p95_ms", judgement.value_ms},
      {"baseline_p95_ms", judgement.baseline_ms},
      {"ratio",
       judgement.ratio}}.dump();
  return finding;
}

// An alert on a version that the device no longer serves says nothing any more.
bool close_for_other_version(pqxx::work& transaction, AlertRule rule, const WatchedModel& pair,
                             const std::string& version, Instant now) {
  const auto rows = transaction.exec_params(
      "select details ->> 'version' from alerts where rule = $1 and device_id = $2 and model = $3 and "
      "state <> 'resolved' and details ->> 'version' <> $4",
      std::string(to_string(rule)), pair.device, pair.model, version);
  if (rows.empty()) return false;
  AlertFinding finding{rule, pair.device, pair.model, AlertState::ok, std::nullopt, std::nullopt, {}, "{}"};
  finding.message =
      pair.device + ": " + pair.model + " " + rows[0][0].as<std::string>() + " was replaced by " + version;
  return apply_finding(transaction, open_alert_state(transaction, rule, pair.device, pair.model), finding, now);
}

std::size_t judge_latency_of(pqxx::work& transaction, const WatchedModel& pair, const std::string& version,
                             const AlertOptions& options, const Look& look, Instant now) {
  const LatencyRule& rule = options.latency;
  std::size_t moved = close_for_other_version(transaction, AlertRule::latency_doubled, pair, version, now) ? 1 : 0;
  const auto known = lock_baseline(transaction, pair, version);
  LatencyBaseline baseline = known.value_or(LatencyBaseline{});
  const auto span = std::max(rule.open_of, rule.close_after);
  const auto windows = read_latency(transaction, pair, version, rule, look, baseline.until, span);
  auto state = open_alert_state(transaction, AlertRule::latency_doubled, pair.device, pair.model);
  std::vector<LatencyWindow> recent;
  const Instant judged_until = baseline.until;
  bool is_new = false;
  for (const auto& window : windows) {
    recent.push_back(window);
    if (recent.size() > span) recent.erase(recent.begin());
    if (known && window.started_at <= judged_until) continue;
    is_new = true;
    const auto judgement = judge_latency(rule, baseline, state, recent);
    if (apply_finding(transaction, state, latency_finding(pair, version, rule, judgement), now)) ++moved;
    state = judgement.state;
  }
  if (is_new) save_baseline(transaction, pair, version, baseline);
  return moved;
}

// The threshold that the release was validated against, when it is an accuracy.
std::optional<double> accuracy_threshold(pqxx::work& transaction, const std::string& model,
                                         const std::string& version) {
  const auto rows = transaction.exec_params(
      "select (validation ->> 'threshold')::double precision from releases where model = $1 and version = $2 "
      "and validation ->> 'metric' = 'accuracy' and validation ->> 'threshold' is not null",
      model, version);
  if (rows.empty()) return std::nullopt;
  return rows[0][0].as<double>();
}

std::vector<AccuracyWindow> read_labels(pqxx::work& transaction, const WatchedModel& pair, const std::string& version,
                                        const Look& look) {
  const auto rows = transaction.exec_params(
      "select labelled, correct from inference_windows where device_id = $1 and model = $2 and version = $3 and "
      "labelled > 0 and started_at > $4::timestamptz and started_at < $5::timestamptz order by started_at desc limit "
      "500",
      pair.device, pair.model, version, look.from, look.to);
  std::vector<AccuracyWindow> windows;
  for (const auto& row : rows) windows.push_back({row[0].as<std::uint64_t>(), row[1].as<std::uint64_t>()});
  return windows;
}

AlertFinding accuracy_finding(const WatchedModel& pair, const std::string& version, double threshold,
                              const AccuracyJudgement& judgement) {
  char text[256];
  const char* format = judgement.state == AlertState::ok
                           ? "%s: accuracy of %s %s is back at %.1f %% of %llu labels (it must reach %.1f %%)"
                           : "%s: accuracy of %s %s is %.1f %% of %llu labels (it must reach %.1f %%)";
  std::snprintf(text, sizeof text, format, pair.device.c_str(), pair.model.c_str(), version.c_str(),
                100 * judgement.value, static_cast<unsigned long long>(judgement.labels), 100 * threshold);
  AlertFinding finding{AlertRule::accuracy_low, pair.device, pair.model, judgement.state,
                       judgement.value,         threshold,   text,       {}};
  finding.details_json =
      json{{"version", version}, {"upper_bound", judgement.upper}, {"labels", judgement.labels}}.dump();
  return finding;
}

std::size_t judge_accuracy_of(pqxx::work& transaction, const WatchedModel& pair, const std::string& version,
                              const AlertOptions& options, const Look& look, Instant now) {
  const std::size_t moved = close_for_other_version(transaction, AlertRule::accuracy_low, pair, version, now) ? 1 : 0;
  const auto threshold = accuracy_threshold(transaction, pair.model, version);
  if (!threshold) return moved;
  const auto windows = read_labels(transaction, pair, version, look);
  const auto state = open_alert_state(transaction, AlertRule::accuracy_low, pair.device, pair.model);
  const auto judgement = judge_accuracy(options.accuracy, *threshold, state, windows);
  const auto finding = accuracy_finding(pair, version, *threshold, judgement);
  return moved + (apply_finding(transaction, state, finding, now) ? 1 : 0);
}

}  // namespace

std::size_t JudgeWindows::operator()(pqxx::work& transaction) const {
  std::size_t moved = 0;
  // One instance at a time: a leader that is stepping down and its successor must not judge the same windows.
  transaction.exec1("select pg_advisory_xact_lock(7102002)");
  const Look look{to_rfc3339(now - options.longest_look), to_rfc3339(now + clock_tolerance)};
  for (const auto& pair : due) {
    const auto device =
        transaction.exec_params("select 1 from devices where id = $1 and revoked_at is null", pair.device);
    if (device.empty()) continue;
    const auto version = newest_version(transaction, pair, look);
    if (!version) continue;
    moved += judge_latency_of(transaction, pair, *version, options, look, now);
    moved += judge_accuracy_of(transaction, pair, *version, options, look, now);
  }
  return moved;
}

}  // namespace argosy::server

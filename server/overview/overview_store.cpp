#include "server/overview/overview_store.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"
#include "server/rollouts/core/state_sql.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

std::map<std::string, std::int64_t> counts_of(const pqxx::result& rows) {
  std::map<std::string, std::int64_t> counts;
  for (const auto& row : rows) counts[row[0].as<std::string>()] = row[1].as<std::int64_t>();
  return counts;
}

std::vector<ModelSkew> read_models(pqxx::work& transaction) {
  const auto rows = transaction.exec(
      "select name, value, devices from fleet_totals where kind = 'model' order by 1, 3 desc, 2 desc limit 500");
  std::vector<ModelSkew> models;
  for (const auto& row : rows) {
    const auto model = row["name"].as<std::string>();
    if (models.empty() || models.back().model != model) models.push_back({model, {}});
    models.back().versions.push_back({row["value"].as<std::string>(), row["devices"].as<std::int64_t>()});
  }
  return models;
}

void add_counts(std::map<std::string, std::int64_t>& sum, const std::string& counts_json) {
  const auto counts = json_or_null(counts_json);
  if (!counts.is_object()) return;
  for (const auto& [state, count] : counts.items()) {
    if (count.is_number_integer()) sum[state] += count.get<std::int64_t>();
  }
}

std::vector<ActiveRollout> read_rollouts(pqxx::work& transaction) {
  static const std::string sql = R"sql(
    select r.id, r.name, r.model, v.version, r.state, r.reason, r.wave, r.started_at,
      coalesce(w.planned, 0) as planned, coalesce(w.counts, '{}') as counts
    from (
      select *
      from rollouts
      where state in ()sql" + sql_states(is_active) +
                                 R"sql()
      order by id desc
      limit 20
    ) r
    join releases v on v.id = r.release_id
    left join rollout_waves w on w.rollout_id = r.id
    order by r.id desc, w.wave
  )sql";
  const auto rows = transaction.exec(sql);
  std::vector<ActiveRollout> rollouts;
  for (const auto& row : rows) {
    const auto id = row["id"].as<std::int64_t>();
    if (rollouts.empty() || rollouts.back().id != id) {
      ActiveRollout rollout;
      rollout.id = id;
      rollout.name = row["name"].as<std::string>();
      rollout.model = row["model"].as<std::string>();
      rollout.version = row["version"].as<std::string>();
      rollout.state = row["state"].as<std::string>();
      rollout.reason = row["reason"].as<std::string>();
      rollout.wave = row["wave"].as<int>();
      rollout.started_at = optional_of<Instant>(row["started_at"]);
      rollouts.push_back(std::move(rollout));
    }
    ++rollouts.back().waves;
    rollouts.back().planned += row["planned"].as<std::int64_t>();
    add_counts(rollouts.back().counts, row["counts"].as<std::string>());
  }
  return rollouts;
}

std::vector<OpenAlert> read_alerts(pqxx::work& transaction) {
  const auto rows = transaction.exec(
      R"sql(
        select id, rule, severity, coalesce(device_id, '') as device_id, coalesce(site, '') as site, rollout_id, model, message, value, threshold, opened_at, fired_at,
          acknowledged_at, coalesce(acknowledged_by, '') as acknowledged_by
        from alerts
        where state = 'firing' and inhibited_by is null and silenced_by is null
        order by id desc
        limit 10
      )sql");
  std::vector<OpenAlert> alerts;
  for (const auto& row : rows)
    alerts.push_back({row["id"].as<std::int64_t>(), row["rule"].as<std::string>(), row["severity"].as<std::string>(),
                      row["device_id"].as<std::string>(), row["site"].as<std::string>(),
                      optional_of<std::int64_t>(row["rollout_id"]), row["model"].as<std::string>(),
                      row["message"].as<std::string>(), optional_of<double>(row["value"]),
                      optional_of<double>(row["threshold"]), row["opened_at"].as<Instant>(),
                      optional_of<Instant>(row["fired_at"]), optional_of<Instant>(row["acknowledged_at"]),
                      row["acknowledged_by"].as<std::string>()});
  return alerts;
}

std::vector<WorstDevice> worst_of(const pqxx::result& rows) {
  std::vector<WorstDevice> worst;
  for (const auto& row : rows)
    worst.push_back({row["device_id"].as<std::string>(), row["model"].as<std::string>(),
                     row["version"].as<std::string>(), row["value"].as<double>(), optional_of<double>(row["usual"]),
                     row["feature"].as<std::string>()});
  return worst;
}

WorstDevice worst_device_of(const json& item) {
  WorstDevice worst;
  worst.device = item.value("device", "");
  worst.model = item.value("model", "");
  worst.version = item.value("version", "");
  worst.value = item.value("value", 0.0);
  if (item.contains("usual") && item["usual"].is_number()) worst.usual = item["usual"].get<double>();
  if (item.contains("lower") && item["lower"].is_number()) worst.lower = item["lower"].get<double>();
  if (item.contains("upper") && item["upper"].is_number()) worst.upper = item["upper"].get<double>();
  return worst;
}

// As the instance that leads told it last; what is no newer than `since` is left out.
std::vector<WorstDevice> told_worst(pqxx::work& transaction, const std::string& name, Instant since) {
  std::vector<WorstDevice> worst;
  for (const auto& row : transaction.exec_params("select items from worst_lists where name = $1", name)) {
    for (const auto& item : json_or_null(row[0].as<std::string>())) {
      const bool is_fresh = item.is_object() && item.value("at", std::int64_t{0}) > to_ms(since);
      if (is_fresh) worst.push_back(worst_device_of(item));
    }
  }
  return worst;
}

pqxx::result worst_drift(pqxx::work& transaction) {
  return transaction.exec(
      R"sql(
        select device_id, model, version, psi as value, null::double precision as usual, feature
        from drift_state
        where drifted
        order by psi desc
        limit 10
      )sql");
}

void read_presence(pqxx::work& transaction, Instant, const OverviewOptions&, Overview& overview) {
  overview.presence = counts_of(transaction.exec("select value, devices from fleet_totals where kind = 'presence'"));
}

void read_firing(pqxx::work& transaction, Instant, const OverviewOptions&, Overview& overview) {
  overview.firing_by_rule = counts_of(transaction.exec(R"sql(
        select rule, count(*)
        from alerts
        where state = 'firing' and inhibited_by is null and silenced_by is null
        group by 1
      )sql"));
  overview.alerts = read_alerts(transaction);
}

void read_windows(pqxx::work& transaction, Instant now, const OverviewOptions& options, Overview& overview) {
  const auto counted = transaction.exec_params1(
      "select coalesce(sum(windows_last_minute), 0)::bigint from window_rates where counted_at > $1::timestamptz",
      now - options.rates_look);
  overview.windows_last_minute = counted[0].as<std::int64_t>();
}

}  // namespace

const std::vector<Panel>& overview_panels() {
  using Work = pqxx::work;
  using Options = OverviewOptions;
  static const std::vector<Panel> panels{
      {"presence", read_presence, [](Overview& from, Overview& into) { into.presence = std::move(from.presence); }},
      {"models",
       [](Work& transaction, Instant, const Options&, Overview& overview) {
         overview.models = read_models(transaction);
       },
       [](Overview& from, Overview& into) { into.models = std::move(from.models); }},
      {"rollouts",
       [](Work& transaction, Instant, const Options&, Overview& overview) {
         overview.rollouts = read_rollouts(transaction);
       },
       [](Overview& from, Overview& into) { into.rollouts = std::move(from.rollouts); }},
      {"alerts", read_firing,
       [](Overview& from, Overview& into) {
         into.firing_by_rule = std::move(from.firing_by_rule);
         into.alerts = std::move(from.alerts);
       }},
      {"worst.latency",
       [](Work& transaction, Instant now, const Options& options, Overview& overview) {
         overview.worst_latency = told_worst(transaction, "latency", now - options.latency_look);
       },
       [](Overview& from, Overview& into) { into.worst_latency = std::move(from.worst_latency); }},
      {"worst.accuracy",
       [](Work& transaction, Instant now, const Options& options, Overview& overview) {
         overview.worst_accuracy = told_worst(transaction, "accuracy", now - options.accuracy_look);
       },
       [](Overview& from, Overview& into) { into.worst_accuracy = std::move(from.worst_accuracy); }},
      {"worst.drift",
       [](Work& transaction, Instant, const Options&, Overview& overview) {
         overview.worst_drift = worst_of(worst_drift(transaction));
       },
       [](Overview& from, Overview& into) { into.worst_drift = std::move(from.worst_drift); }},
      {"windows_last_minute", read_windows,
       [](Overview& from, Overview& into) { into.windows_last_minute = from.windows_last_minute; }},
  };
  return panels;
}

Overview ReadPanel::operator()(pqxx::work& transaction) const {
  Overview overview;
  read(transaction, now, options, overview);
  return overview;
}

}  // namespace argosy::server

// The rules that follow the verdicts of others: gone_dark follows presence, drift and input_contract follow drift, and
// every alert of a revoked device ends. The database notes each device whose verdicts change (level_changes), so
// nothing is searched.
#include "server/alerts/alert_rows_store.hpp"
#include "server/alerts/alert_store.hpp"
#include "server/alerts/site_rule_store.hpp"
#include "server/db/rows.hpp"
#include "server/devices/device.hpp"

namespace argosy::server {

namespace {

// A device of a site waits until the site is counted with it ($2: whose label names the site): of many that go
// together, none is told of alone.
constexpr auto take_changes = R"sql(
  with taken as (
    delete from level_changes
    where id in (
      select c.id
      from level_changes c
      where not exists (
        select from uncounted_devices u
        join devices d on d.id = u.device_id
        where u.device_id = c.device_id and coalesce(d.labels ->> $2, '') <> ''
      )
      order by c.id
      limit $1
      for update of c skip locked
    )
    returning device_id
  )
  select device_id, count(*) from taken group by 1 order by 1
)sql";

// The limits keep the planner from reading whole tables for what it takes for more rows than they are.
constexpr auto read_levels = R"sql(
  select d.id, d.revoked_at is not null as is_revoked, coalesce(s.presence, '') as presence,
    coalesce(s.presence_reason, '') as reason
  from unnest($1::text[]) as c(device)
  cross join lateral (select id, revoked_at from devices where id = c.device limit 1) d
  left join lateral (select presence, presence_reason from device_state where device_id = d.id limit 1) s on true
)sql";

constexpr auto read_drifted = R"sql(
  select t.device_id, t.model, max(t.psi) filter (where t.drifted) as drifted_psi, max(t.psi) as psi,
    string_agg('"' || t.feature || '" PSI ' || round(t.psi::numeric, 2), ', ' order by t.psi desc)
      filter (where t.drifted) as figures
  from unnest($1::text[]) as c(device)
  join drift_state t on t.device_id = c.device
  group by t.device_id, t.model
)sql";

constexpr auto read_broken = R"sql(
  select device_id, model, message
  from contract_breaches
  where device_id = any($1::text[])
)sql";

struct Level {
  bool is_revoked = false;
  std::string presence;
  std::string reason;
};

struct DriftLevel {
  std::optional<double> drifted_psi;  // none: nothing drifted
  std::optional<double> psi;
  std::string figures;  // of the features that drifted
};

using BrokenContracts = std::map<std::pair<std::string, std::string>, std::string>;  // how, by device and model
using Levels = std::map<std::string, Level>;
using DriftLevels = std::map<std::pair<std::string, std::string>, DriftLevel>;

Levels levels_of(pqxx::work& transaction, const std::string& devices) {
  Levels levels;
  for (const auto& row : transaction.exec_params(read_levels, devices))
    levels[row["id"].as<std::string>()] = {row["is_revoked"].as<bool>(), row["presence"].as<std::string>(),
                                           row["reason"].as<std::string>()};
  return levels;
}

DriftLevels drift_of(pqxx::work& transaction, const std::string& devices) {
  DriftLevels drift;
  for (const auto& row : transaction.exec_params(read_drifted, devices))
    drift[{row["device_id"].as<std::string>(), row["model"].as<std::string>()}] = {
        optional_of<double>(row["drifted_psi"]), optional_of<double>(row["psi"]), row["figures"].as<std::string>("")};
  return drift;
}

BrokenContracts broken_contracts_of(pqxx::work& transaction, const std::string& devices) {
  BrokenContracts broken;
  for (const auto& row : transaction.exec_params(read_broken, devices))
    broken[{row["device_id"].as<std::string>(), row["model"].as<std::string>()}] = row["message"].as<std::string>();
  return broken;
}

std::string input_of(const std::string& device, const std::string& model) {
  return device + (model.empty() ? ": its input" : ": the input of " + model);
}

std::string gone_dark(const std::string& device, const std::string& reason) {
  return device + " has gone dark" + (reason.empty() ? "" : ": " + reason);
}

AlertFinding news_of(const BuiltInRule& rule, const std::string& device, const std::string& model,
                     std::optional<double> value, std::string message) {
  return {std::string(rule.name), std::string(rule.severity), device, model, AlertState::firing, value,
          std::nullopt,           std::move(message),         "{}"};
}

AlertFinding end_of(const AlertKey& alert, std::optional<double> value, std::string message) {
  const auto& [rule, device, model] = alert;
  return {rule, {}, device, model, AlertState::ok, value, std::nullopt, std::move(message), "{}"};
}

bool is_firing(const OngoingAlerts& open, const AlertKey& key) {
  const auto alert = open.find(key);
  return alert != open.end() && alert->second.state == AlertState::firing;
}

// What should be open and is not.
void find_news(const Levels& levels, const DriftLevels& drift, const OngoingAlerts& open,
               std::vector<AlertFinding>& findings) {
  for (const auto& [device, level] : levels) {
    const bool is_dark = level.presence == to_string(Presence::offline) && !level.is_revoked;
    if (!is_dark || is_firing(open, {std::string(built_in::gone_dark.name), device, ""})) continue;
    findings.push_back(news_of(built_in::gone_dark, device, "", std::nullopt, gone_dark(device, level.reason)));
  }
  for (const auto& [pair, state] : drift) {
    const auto& [device, model] = pair;
    const auto level = levels.find(device);
    const bool counts = state.drifted_psi && level != levels.end() && !level->second.is_revoked;
    if (!counts || is_firing(open, {std::string(built_in::drift.name), device, model})) continue;
    findings.push_back(news_of(built_in::drift, device, model, state.drifted_psi,
                               input_of(device, model) + " has drifted (" + state.figures + ")"));
  }
}

void find_broken_contracts(const Levels& levels, const BrokenContracts& broken, const OngoingAlerts& open,
                           std::vector<AlertFinding>& findings) {
  for (const auto& [pair, how] : broken) {
    const auto& [device, model] = pair;
    const auto level = levels.find(device);
    if (level == levels.end() || level->second.is_revoked) continue;
    findings.push_back(news_of(built_in::input_contract, device, model, std::nullopt,
                               input_of(device, model) + " breaks its contract: " + how));
  }
  for (const auto& [key, alert] : open) {
    const auto& [rule, device, model] = key;
    const auto level = levels.find(device);
    const bool is_kept = rule == built_in::input_contract.name && !broken.contains({device, model});
    if (!is_kept || level == levels.end() || level->second.is_revoked) continue;
    findings.push_back(end_of(key, std::nullopt, input_of(device, model) + " keeps to its contract again"));
  }
}

// What is open and should not be. A device that is late is not back yet.
void find_ends(const Levels& levels, const DriftLevels& drift, const OngoingAlerts& open,
               std::vector<AlertFinding>& findings) {
  for (const auto& [key, alert] : open) {
    const auto& [rule, device, model] = key;
    const auto level = levels.find(device);
    if (level == levels.end()) continue;
    const auto state = drift.find({device, model});
    if (level->second.is_revoked) {
      findings.push_back(end_of(key, std::nullopt, device + " was revoked"));
      findings.back().is_final = true;
    } else if (rule == built_in::gone_dark.name && level->second.presence == to_string(Presence::online)) {
      findings.push_back(end_of(key, std::nullopt, device + " is back"));
    } else if (rule == built_in::drift.name && (state == drift.end() || !state->second.drifted_psi)) {
      findings.push_back(end_of(key, state != drift.end() ? state->second.psi : std::nullopt,
                                input_of(device, model) + " looks as it did in training again"));
    }
  }
}

// It may be at another site now.
void look_at_alerts_of(pqxx::work& transaction, const std::string& devices, Instant now) {
  transaction.exec_params0(
      R"sql(
        update alerts
        set look_at = $2::timestamptz
        where device_id in (select unnest($1::text[])) and state = 'firing'
      )sql",
      devices, now);
}

}  // namespace

LevelsJudged JudgeLevels::operator()(pqxx::work& transaction) const {
  const auto changes = transaction.exec_params(take_changes, at_once, sites.label);
  LevelsJudged judged;
  lock_alerts(transaction);
  // After the changes of devices are taken: sites are seen with at least these in them.
  judged.moved = judge_sites(transaction, sites, now);
  if (changes.empty()) return judged;
  std::vector<std::string> devices;
  for (const auto& row : changes) {
    devices.push_back(row[0].as<std::string>());
    judged.taken += row[1].as<std::size_t>();
  }
  const auto list = pg_array(devices);
  const auto levels = levels_of(transaction, list);
  for (const auto& [device, level] : levels) {
    if (level.is_revoked) judged.revoked.insert(device);
  }
  const auto drift = drift_of(transaction, list);
  const auto open = read_open_alerts(transaction, devices);
  std::vector<AlertFinding> findings;
  find_ends(levels, drift, open, findings);
  find_news(levels, drift, open, findings);
  find_broken_contracts(levels, broken_contracts_of(transaction, list), open, findings);
  look_at_alerts_of(transaction, list, now);
  judged.moved += apply_findings(transaction, findings, now);
  return judged;
}

}  // namespace argosy::server

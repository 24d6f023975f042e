#include "server/rules/rule_engine_store.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/alerts/alert_rows_store.hpp"
#include "server/db/rows.hpp"
#include "server/devices/filter_sql.hpp"
#include "server/rules/health_figures_store.hpp"
#include "server/telemetry/stored_windows_store.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

// Of one pair in one judgement; whoever has more is judged again.
constexpr std::size_t figures_at_once = 300;
constexpr std::size_t findings_at_once = 1000;

std::vector<std::string> devices_of(const std::vector<DuePair>& due) {
  std::vector<std::string> devices;
  for (const auto& each : due) devices.push_back(each.pair.device);
  return devices;
}

std::set<std::string> standing_among(pqxx::work& transaction, const std::vector<std::string>& devices) {
  const auto rows = transaction.exec_params(
      "select id from devices where id in (select unnest($1::text[])) and revoked_at is null", pg_array(devices));
  std::set<std::string> standing;
  for (const auto& row : rows) standing.insert(row[0].as<std::string>());
  return standing;
}

std::map<WatchedPair, KeptRules> read_memories(pqxx::work& transaction, const std::vector<DuePair>& due) {
  std::vector<std::string> models;
  for (const auto& each : due) models.push_back(each.pair.model);
  const auto rows = transaction.exec_params(
      R"sql(
        select m.device_id, m.model, m.version, m.heard_until, m.progress
        from unnest($1::text[], $2::text[]) as p(device, model)
        join rule_memory m on m.device_id = p.device and m.model = p.model
      )sql",
      pg_array(devices_of(due)), pg_array(models));
  std::map<WatchedPair, KeptRules> memories;
  for (const auto& row : rows)
    memories[{row["device_id"].as<std::string>(), row["model"].as<std::string>()}] = {
        row["version"].as<std::string>(), row["heard_until"].as<Instant>(), row["progress"].as<std::string>()};
  return memories;
}

void save_kept(pqxx::work& transaction, const std::vector<const WriteRules::Pair*>& pairs, Instant now) {
  if (pairs.empty()) return;
  auto rows = json::array();
  for (const auto* each : pairs)
    rows.push_back({{"device", each->pair.device},
                    {"model", each->pair.model},
                    {"version", each->kept.version},
                    {"heard_until", to_rfc3339(each->kept.heard_until)},
                    {"progress", each->kept.progress}});
  transaction.exec_params0(
      R"sql(
        insert into rule_memory (device_id, model, version, heard_until, progress, updated_at)
        select device, model, version, heard_until, progress, $2::timestamptz
        from jsonb_to_recordset($1::jsonb) as m(device text, model text, version text, heard_until timestamptz,
          progress text)
        order by device, model
        on conflict (device_id, model) do update set version = excluded.version, heard_until = excluded.heard_until,
          progress = excluded.progress, updated_at = excluded.updated_at
      )sql",
      rows.dump(), now);
}

// Windows or samples that came after what each pair has heard, into its memory. Whether some have more.
class NewsOfPairs {
 public:
  NewsOfPairs(const JudgeRules& judge, std::vector<PairRules>& memories, const std::vector<KeptRules>& kept)
      : judge_(judge), memories_(memories), kept_(kept) {}

  void hear_windows(pqxx::work& transaction) {
    if (judge_.table->of_windows().empty()) return;
    StoredWindowsWanted wanted{.most = figures_at_once};
    std::vector<std::size_t> places;
    for (std::size_t place = 0; place < judge_.due.size(); ++place) {
      if (judge_.due[place].pair.model.empty()) continue;
      places.push_back(place);
      wanted.pairs.push_back({judge_.due[place].pair, kept_[place].heard_until, judge_.now + judged_ahead});
    }
    if (places.empty()) return;
    const auto windows = read_stored_windows(transaction, wanted);
    for (std::size_t i = 0; i < places.size(); ++i) {
      for (const auto& window : windows[i])
        memories_[places[i]].hear(*judge_.table, judge_.due[places[i]].pair, window);
      if (windows[i].size() == figures_at_once) unfinished.push_back(places[i]);
    }
  }

  void hear_health(pqxx::work& transaction) {
    if (judge_.table->of_health().empty()) return;
    std::vector<HealthWanted> wanted;
    std::map<std::string, std::size_t> places;
    for (std::size_t place = 0; place < judge_.due.size(); ++place) {
      const auto& pair = judge_.due[place].pair;
      if (!pair.model.empty()) continue;
      places[pair.device] = place;
      wanted.push_back({pair.device, kept_[place].heard_until});
    }
    if (places.empty()) return;
    for (const auto& [device, samples] : read_health(transaction, wanted, figures_at_once)) {
      const auto place = places.at(device);
      for (const auto& sample : samples) memories_[place].hear(*judge_.table, judge_.due[place].pair, sample);
      if (samples.size() == figures_at_once) unfinished.push_back(place);
    }
  }

  std::vector<std::size_t> unfinished;

 private:
  const JudgeRules& judge_;
  std::vector<PairRules>& memories_;
  const std::vector<KeptRules>& kept_;
};

std::vector<std::string> firing_of(const OngoingAlerts& open, const WatchedPair& pair) {
  std::vector<std::string> names;
  for (const auto& [key, alert] : open) {
    const auto& [rule, device, model] = key;
    if (device == pair.device && model == pair.model && alert.state == AlertState::firing) names.push_back(rule);
  }
  return names;
}

}  // namespace

RulesJudged JudgeRules::operator()(pqxx::work& transaction) const {
  lock_alerts(transaction);
  const auto devices = devices_of(due);
  const auto standing = standing_among(transaction, devices);
  const auto scopes = ReadScopes{devices, table, now}(transaction);
  const auto open = read_open_alerts(transaction, devices);
  auto known = read_memories(transaction, due);
  std::vector<KeptRules> kept;
  std::vector<PairRules> memories;
  for (const auto& each : due) {
    auto& of_pair = known[each.pair];
    of_pair.heard_until = std::max(of_pair.heard_until, now - look);
    kept.push_back(of_pair);
    const auto scope = scopes.find(each.pair.device);
    memories.emplace_back(*table, of_pair, scope != scopes.end() ? scope->second : RuleScope{table->scopes(), now},
                          firing_of(open, each.pair));
  }
  NewsOfPairs news(*this, memories, kept);
  news.hear_windows(transaction);
  news.hear_health(transaction);
  RulesJudged answer;
  answer.judged.unfinished = std::move(news.unfinished);
  std::vector<AlertFinding> findings;
  std::vector<WriteRules::Pair> learned;
  for (std::size_t place = 0; place < due.size(); ++place) {
    if (!standing.contains(due[place].pair.device)) continue;
    auto of_pair = memories[place].take_findings(*table, due[place].pair, now);
    auto firing = firing_of(open, due[place].pair);
    for (const auto& finding : of_pair) {
      std::erase(firing, finding.rule);
      if (finding.state == AlertState::firing) firing.push_back(finding.rule);
    }
    std::move(of_pair.begin(), of_pair.end(), std::back_inserter(findings));
    auto now_kept = memories[place].kept();
    if (memories[place].is_dirty) learned.push_back({due[place].pair, {}, now_kept});
    answer.pairs.push_back({place, std::move(now_kept), memories[place].scope(), std::move(firing)});
  }
  std::vector<const WriteRules::Pair*> to_save;
  for (const auto& each : learned) to_save.push_back(&each);
  save_kept(transaction, to_save, now);
  if (!findings.empty()) answer.judged.moved = apply_findings(transaction, findings, now);
  return answer;
}

WrittenPairs WriteRules::operator()(pqxx::work& transaction) const {
  lock_alerts(transaction);
  std::vector<std::string> devices;
  for (const auto& each : pairs) {
    devices.push_back(each.pair.device);
  }
  const auto standing = standing_among(transaction, devices);
  WrittenPairs written;
  std::vector<AlertFinding> findings;
  std::vector<const Pair*> to_save;
  for (std::size_t place = 0; place < pairs.size(); ++place) {
    if (!standing.contains(pairs[place].pair.device)) {
      written.outdated.push_back(place);
      continue;
    }
    findings.insert(findings.end(), pairs[place].findings.begin(), pairs[place].findings.end());
    to_save.push_back(&pairs[place]);
  }
  save_kept(transaction, to_save, now);
  if (!findings.empty()) written.moved = apply_findings(transaction, findings, now);
  return written;
}

std::map<std::string, RuleScope> ReadScopes::operator()(pqxx::work& transaction) const {
  std::map<std::string, RuleScope> scopes;
  for (const auto& device : devices) scopes[device] = {table->scopes(), now};
  for (const auto* rule : table->filtered()) {
    SqlCondition condition = to_sql(rule->filter, 2);
    condition.parameters.insert(condition.parameters.begin(), pg_array(devices));
    const auto rows = transaction.exec_params(
        "select d.id from devices d join device_state s on s.device_id = d.id where d.id = any($1::text[]) and " +
            condition.text,
        pqxx::prepare::make_dynamic_params(condition.parameters));
    for (const auto& row : rows) scopes[row[0].as<std::string>()].rules.push_back(rule->id);
  }
  for (auto& [device, scope] : scopes) std::sort(scope.rules.begin(), scope.rules.end());
  return scopes;
}

std::size_t EndAlertsOfGoneRules::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        select a.rule, a.severity, coalesce(a.device_id, '') as device_id, a.model, coalesce(a.site, '') as site, a.rollout_id,
          r.deleted_at is not null as is_deleted
        from rules r
        join alerts a on a.rule = r.name and a.state <> 'resolved'
        where not (r.is_enabled and r.deleted_at is null)
          and not exists (
            select from rules other where other.name = r.name and other.is_enabled and other.deleted_at is null
          )
        order by a.device_id
        limit $1
      )sql",
      most);
  if (rows.empty()) return 0;
  lock_alerts(transaction);
  std::vector<AlertFinding> findings;
  for (const auto& row : rows) {
    AlertFinding finding;
    finding.rule = row["rule"].as<std::string>();
    finding.severity = row["severity"].as<std::string>();
    finding.device = row["device_id"].as<std::string>();
    finding.model = row["model"].as<std::string>();
    finding.site = row["site"].as<std::string>();
    finding.rollout = optional_of<std::int64_t>(row["rollout_id"]);
    finding.is_final = true;
    finding.message = "the rule " + finding.rule + (row["is_deleted"].as<bool>() ? " was deleted" : " was disabled");
    findings.push_back(std::move(finding));
  }
  return apply_findings(transaction, findings, now);
}

std::size_t EndAlertsOutside::operator()(pqxx::work& transaction) const {
  const auto filter = parse_filter(rule.filter);
  if (!filter) return 0;
  const SqlCondition condition = to_sql(*filter, 4);
  std::vector<std::string> parameters{rule.name, rule.model, std::to_string(most)};
  parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
  const auto rows = transaction.exec_params(
      R"sql(
        select a.device_id, a.model
        from alerts a
        join devices d on d.id = a.device_id
        left join device_state s on s.device_id = d.id
        where a.rule = $1 and a.state <> 'resolved' and ($2 <> '' and a.model <> $2 or ()sql" +
          condition.text + R"sql() is not true)
        order by a.id
        limit $3::bigint
      )sql",
      pqxx::prepare::make_dynamic_params(parameters));
  if (rows.empty()) return 0;
  lock_alerts(transaction);
  std::vector<AlertFinding> findings;
  for (const auto& row : rows) {
    AlertFinding finding;
    finding.rule = rule.name;
    finding.severity = to_string(rule.severity);
    finding.device = row["device_id"].as<std::string>();
    finding.model = row["model"].as<std::string>();
    finding.is_final = true;
    finding.message = finding.device + " is not among the devices of the rule any more";
    findings.push_back(std::move(finding));
  }
  return apply_findings(transaction, findings, now);
}

std::size_t JudgeCertificates::operator()(pqxx::work& transaction) const {
  const auto limit = now + std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::ratio<86400>>(days));
  const SqlCondition condition = to_sql(filter, 4);
  std::vector<std::string> parameters{to_rfc3339(limit), rule, std::to_string(findings_at_once)};
  parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
  const auto ending = transaction.exec_params(
      R"sql(
        select d.id, d.present_not_after
        from devices d
        left join device_state s on s.device_id = d.id
        where d.revoked_at is null and d.present_not_after < $1::timestamptz and )sql" +
          condition.text + R"sql(
          and not exists (
            select from alerts a where a.rule = $2 and a.device_id = d.id and a.state <> 'resolved'
          )
        order by d.present_not_after
        limit $3::bigint
      )sql",
      pqxx::prepare::make_dynamic_params(parameters));
  const auto renewed = transaction.exec_params(
      R"sql(
        select d.id, d.present_not_after
        from alerts a
        join devices d on d.id = a.device_id
        where a.rule = $2 and a.state <> 'resolved'
          and (d.present_not_after is null or d.present_not_after >= $1::timestamptz)
        limit $3
      )sql",
      limit, rule, findings_at_once);
  if (ending.empty() && renewed.empty()) return 0;
  lock_alerts(transaction);
  std::vector<AlertFinding> findings;
  const auto add = [&](const pqxx::row& row, AlertState state) {
    AlertFinding finding;
    finding.rule = rule;
    finding.severity = severity;
    finding.device = row[0].as<std::string>();
    finding.state = state;
    finding.threshold = days;
    const auto ends_at = optional_of<Instant>(row[1]);
    if (ends_at) {
      const double left = std::chrono::duration<double, std::ratio<86400>>(*ends_at - now).count();
      finding.value = std::round(left * 10) / 10;
      finding.message = finding.device +
                        (state == AlertState::ok ? ": its certificate was renewed until "
                         : left < 0              ? ": its certificate ended at "
                                                 : ": its certificate ends at ") +
                        to_rfc3339(*ends_at);
    } else {
      finding.message = finding.device + " has no certificate any more";
    }
    findings.push_back(std::move(finding));
  };
  for (const auto& row : ending) add(row, AlertState::firing);
  for (const auto& row : renewed) add(row, AlertState::ok);
  return apply_findings(transaction, findings, now);
}

}  // namespace argosy::server

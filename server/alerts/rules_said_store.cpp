#include "server/alerts/rules_said_store.hpp"

#include <mutex>
#include <utility>

#include "server/db/rows.hpp"
#include "server/devices/filter_sql.hpp"

namespace argosy::server {

namespace {

// The newest version that was read.
class Known {
 public:
  std::shared_ptr<const SaidOfRules> of(const std::string& state) const {
    const std::lock_guard lock(mutex_);
    return state == state_ ? rules_ : nullptr;
  }
  void keep(std::string state, std::shared_ptr<const SaidOfRules> rules) {
    const std::lock_guard lock(mutex_);
    state_ = std::move(state);
    rules_ = std::move(rules);
  }

 private:
  mutable std::mutex mutex_;
  std::string state_;
  std::shared_ptr<const SaidOfRules> rules_;
};

Known& known() {
  static Known one;
  return one;
}

// A route that is not there counts as none, so that nothing goes nowhere.
std::shared_ptr<const SaidOfRules> read_rules(pqxx::work& transaction) {
  auto rules = std::make_shared<SaidOfRules>();
  for (const auto& row : transaction.exec(R"sql(
         select r.name, r.severity, r.is_enabled, coalesce(n.name, '') as route,
           case when r.document ->> 'judge' = 'engine' then '' else coalesce(r.document ->> 'filter', '') end as filter,
           case when r.document ->> 'judge' = 'engine' then '' else coalesce(r.document ->> 'model', '') end as model
         from rules r
         left join notice_routes n on n.name = r.document ->> 'route'
         where r.deleted_at is null
       )sql")) {
    auto filter = parse_filter(row["filter"].as<std::string>());
    rules->emplace(row["name"].as<std::string>(),
                   SaidOfRule{row["severity"].as<std::string>(), row["is_enabled"].as<bool>(),
                              filter ? std::move(*filter) : Filter{}, row["model"].as<std::string>(),
                              row["route"].as<std::string>()});
  }
  return rules;
}

std::set<std::string> matching(pqxx::work& transaction, const Filter& filter, const std::set<std::string>& devices) {
  if (!filter.root) return devices;
  SqlCondition condition = to_sql(filter, 2);
  condition.parameters.insert(condition.parameters.begin(), pg_array(devices));
  std::set<std::string> found;
  for (const auto& row : transaction.exec_params(
           R"sql(
             select d.id
             from devices d
             left join device_state s on s.device_id = d.id
             where d.id in (select unnest($1::text[])) and
           )sql" +
               condition.text,
           pqxx::prepare::make_dynamic_params(condition.parameters)))
    found.insert(row[0].as<std::string>());
  return found;
}

// By rule with a scope, those of its devices that are in it.
using Covered = std::map<std::string, std::set<std::string>, std::less<>>;

Covered devices_covered(pqxx::work& transaction, const SaidOfRules& rules, const std::vector<AlertFinding>& findings) {
  Covered asked;
  for (const auto& finding : findings) {
    const auto rule = rules.find(finding.rule);
    if (rule == rules.end() || !rule->second.has_scope() || finding.device.empty()) continue;
    if (finding.state != AlertState::ok) asked[finding.rule].insert(finding.device);
  }
  for (auto& [name, devices] : asked) devices = matching(transaction, rules.at(name).filter, devices);
  return asked;
}

bool is_covered(const SaidOfRule& rule, const Covered& covered, const AlertFinding& finding) {
  if (!rule.has_scope() || finding.device.empty() || finding.state == AlertState::ok) return true;
  if (!rule.model.empty() && rule.model != finding.model) return false;
  return covered.at(finding.rule).contains(finding.device);
}

// Of an alert that is open it is the end; of none, nothing.
void end_outside(AlertFinding& finding) {
  finding.state = AlertState::ok;
  finding.is_final = true;
  finding.value.reset();
  finding.message = finding.device + ": " + finding.rule + " is not for " +
                    (finding.model.empty() ? "this device" : "this device and model") + " any more";
}

}  // namespace

std::shared_ptr<const SaidOfRules> what_rules_say(pqxx::work& transaction) {
  auto state = transaction.exec1("select state from rules_state")[0].as<std::string>();
  if (auto rules = known().of(state)) return rules;
  auto rules = read_rules(transaction);
  known().keep(std::move(state), rules);
  return rules;
}

std::vector<AlertFinding> as_rules_say(pqxx::work& transaction, const std::vector<AlertFinding>& findings) {
  const auto rules = what_rules_say(transaction);
  const auto covered = devices_covered(transaction, *rules, findings);
  std::vector<AlertFinding> counting;
  for (const auto& finding : findings) {
    const auto rule = rules->find(finding.rule);
    const bool is_known = rule != rules->end();
    if (is_known && !rule->second.is_enabled && finding.state != AlertState::ok) continue;
    counting.push_back(finding);
    if (!is_known) continue;
    counting.back().severity = rule->second.severity;
    if (!is_covered(rule->second, covered, finding)) end_outside(counting.back());
  }
  return counting;
}

}  // namespace argosy::server

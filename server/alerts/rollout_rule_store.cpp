// The rules rollout_paused and rollout_halted: what JudgeRollouts does. A rollout that is paused waits for people, and
// one that was halted leaves devices of both kinds in the field. The first alert stands until the rollout goes on or
// ends; the second until it goes back, a later rollout of the model starts, or a week is over.
#include <chrono>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/sql_words.hpp"
#include "server/alerts/alert_rows_store.hpp"
#include "server/alerts/alert_store.hpp"
#include "server/db/rows.hpp"
#include "server/rollouts/core/rollout.hpp"

namespace argosy::server {

namespace {

constexpr int rollouts_at_once = 200;

constexpr std::chrono::hours halted_stands{7 * 24};

// What is true of rollouts as r while the alert of a rule stands; $2 is when the week began.
struct StandingRule {
  BuiltInRule rule;
  std::string stands;
};

const std::vector<StandingRule>& standing_rules() {
  static const std::vector<StandingRule> rules{
      {built_in::rollout_paused, "r.state = " + sql_word(RolloutState::paused)},
      {built_in::rollout_halted, "r.state = " + sql_word(RolloutState::halted) + R"sql(
        and r.ended_at > $2::timestamptz
        and not exists (select from rollouts n where n.model = r.model and n.started_at > r.ended_at)
      )sql"}};
  return rules;
}

pqxx::result begun(pqxx::work& transaction, const StandingRule& one, Instant since) {
  const std::string sql = "select r.id, r.name, r.model, r.state, r.reason from rollouts r where " + one.stands + R"sql(
      and $2::timestamptz is not null
      and not exists (
        select from alerts a
        where a.subject = 'rollout/' || r.id and a.rule = $3 and a.model = '' and a.state <> 'resolved'
          and coalesce(a.condition, a.state) = 'firing'
      )
    order by r.id
    limit $1
  )sql";
  return transaction.exec_params(sql, rollouts_at_once, since, std::string(one.rule.name));
}

pqxx::result over(pqxx::work& transaction, const StandingRule& one, Instant since) {
  const std::string sql = R"sql(
    select r.id, r.name, r.model, r.state, r.reason
    from alerts a
    join rollouts r on r.id = a.rollout_id
    where a.rollout_id is not null and a.rule = $3 and a.state = 'firing'
      and coalesce(a.condition, a.state) = 'firing' and $2::timestamptz is not null and (
  )sql" + one.stands + ") is not true order by r.id limit $1";
  return transaction.exec_params(sql, rollouts_at_once, since, std::string(one.rule.name));
}

std::string message_of(AlertState state, const pqxx::row& row) {
  const auto name = "rollout " + std::to_string(row["id"].as<std::int64_t>()) + " (" + row["name"].as<std::string>() +
                    ") is " + row["state"].as<std::string>();
  const auto reason = row["reason"].as<std::string>();
  return state == AlertState::firing && !reason.empty() ? name + ": " + reason : name;
}

void add_findings_on_rollouts(const pqxx::result& rows, const BuiltInRule& rule, AlertState state,
                              std::vector<AlertFinding>& findings) {
  for (const auto& row : rows) {
    AlertFinding finding;
    finding.rule = rule.name;
    finding.severity = rule.severity;
    finding.rollout = row["id"].as<std::int64_t>();
    finding.state = state;
    finding.message = message_of(state, row);
    finding.details_json =
        nlohmann::json{{"rollout", row["name"].as<std::string>()}, {"model", row["model"].as<std::string>()}}.dump();
    findings.push_back(std::move(finding));
  }
}

}  // namespace

std::size_t JudgeRollouts::operator()(pqxx::work& transaction) const {
  std::vector<AlertFinding> findings;
  for (const auto& one : standing_rules()) {
    add_findings_on_rollouts(over(transaction, one, now - halted_stands), one.rule, AlertState::ok, findings);
    add_findings_on_rollouts(begun(transaction, one, now - halted_stands), one.rule, AlertState::firing, findings);
  }
  if (findings.empty()) return 0;
  lock_alerts(transaction);
  return apply_findings(transaction, findings, now);
}

}  // namespace argosy::server

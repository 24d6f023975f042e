// The rule rollout_paused: what JudgeRollouts does. A rollout that is paused waits for people, with devices of both
// kinds in the field; its alert stands until it goes on, or ends.
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

pqxx::result newly_paused(pqxx::work& transaction) {
  static const std::string sql = "select r.id, r.name, r.model, r.state, r.reason from rollouts r where r.state = " +
                                 sql_word(RolloutState::paused) + R"sql(
      and not exists (
        select from alerts a
        where a.subject = 'rollout/' || r.id and a.rule = 'rollout_paused' and a.model = '' and a.state <> 'resolved'
          and coalesce(a.condition, a.state) = 'firing'
      )
    order by r.id
    limit $1
  )sql";
  return transaction.exec_params(sql, rollouts_at_once);
}

pqxx::result gone_on(pqxx::work& transaction) {
  static const std::string sql = R"sql(
    select r.id, r.name, r.model, r.state, r.reason
    from alerts a
    join rollouts r on r.id = a.rollout_id
    where a.rollout_id is not null and a.rule = 'rollout_paused' and a.state = 'firing'
      and coalesce(a.condition, a.state) = 'firing' and r.state <>
  )sql" + sql_word(RolloutState::paused) +
                                 " order by r.id limit $1";
  return transaction.exec_params(sql, rollouts_at_once);
}

std::string message_of(AlertState state, const pqxx::row& row) {
  const auto name = "rollout " + std::to_string(row["id"].as<std::int64_t>()) + " (" + row["name"].as<std::string>() +
                    ") is " + row["state"].as<std::string>();
  const auto reason = row["reason"].as<std::string>();
  return state == AlertState::firing && !reason.empty() ? name + ": " + reason : name;
}

void add_findings_on_rollouts(const pqxx::result& rows, AlertState state, std::vector<AlertFinding>& findings) {
  for (const auto& row : rows) {
    AlertFinding finding;
    finding.rule = built_in::rollout_paused.name;
    finding.severity = built_in::rollout_paused.severity;
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
  const auto over = gone_on(transaction);
  const auto begun = newly_paused(transaction);
  if (over.empty() && begun.empty()) return 0;
  lock_alerts(transaction);
  std::vector<AlertFinding> findings;
  add_findings_on_rollouts(over, AlertState::ok, findings);
  add_findings_on_rollouts(begun, AlertState::firing, findings);
  return apply_findings(transaction, findings, now);
}

}  // namespace argosy::server

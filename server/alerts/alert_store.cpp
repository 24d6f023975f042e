#include "server/alerts/alert_store.hpp"

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

constexpr auto alert_columns = R"sql(
  id, rule, severity, coalesce(device_id, '') as device_id, coalesce(site, '') as site, model, state, value, threshold, message, details, opened_at, fired_at,
  resolved_at, acknowledged_at, coalesce(acknowledged_by, '') as acknowledged_by
)sql";

AlertState state_of(const std::string& text) {
  if (text == "pending") return AlertState::pending;
  return text == "firing" ? AlertState::firing : AlertState::resolved;
}

Alert alert_of(const pqxx::row& row) {
  Alert alert;
  alert.id = row["id"].as<std::int64_t>();
  alert.rule = row["rule"].as<std::string>();
  alert.severity = row["severity"].as<std::string>();
  alert.device = row["device_id"].as<std::string>();
  alert.site = row["site"].as<std::string>();
  alert.model = row["model"].as<std::string>();
  alert.state = state_of(row["state"].as<std::string>());
  alert.value = optional_of<double>(row["value"]);
  alert.threshold = optional_of<double>(row["threshold"]);
  alert.message = row["message"].as<std::string>();
  alert.details_json = row["details"].as<std::string>();
  alert.opened_at = row["opened_at"].as<Instant>();
  alert.fired_at = optional_of<Instant>(row["fired_at"]);
  alert.resolved_at = optional_of<Instant>(row["resolved_at"]);
  alert.acknowledged_at = optional_of<Instant>(row["acknowledged_at"]);
  alert.acknowledged_by = row["acknowledged_by"].as<std::string>();
  return alert;
}

}  // namespace

AlertPage ReadAlerts::operator()(pqxx::work& transaction) const {
  const std::string filter = R"sql(
    ($1::text is null or state = $1 or ($1 = 'open' and state <> 'resolved'))
    and ($2::text is null or device_id = $2) and ($3::text is null or rule = $3)
  )sql";
  AlertPage page;
  const auto counted = transaction.exec_params1(
      "select count(*) from (select 1 from alerts where " + filter + " limit 10000) as counted", query.state,
      query.device, query.rule);
  page.total = counted[0].as<std::int64_t>();
  const std::string sql = std::string("select ") + alert_columns + " from alerts where " + filter +
                          " and ($4::bigint is null or id < $4) order by id desc limit $5";
  for (const auto& row : transaction.exec_params(sql, query.state, query.device, query.rule, query.before, query.limit))
    page.items.push_back(alert_of(row));
  return page;
}

Result<Alert> AcknowledgeAlert::operator()(pqxx::work& transaction) const {
  const auto rows =
      transaction.exec_params(std::string("select ") + alert_columns + " from alerts where id = $1 for update", id);
  if (rows.empty()) return make_error(Errc::not_found, "there is no alert " + std::to_string(id));
  auto alert = alert_of(rows[0]);
  if (alert.acknowledged_at) return alert;
  if (alert.state == AlertState::resolved)
    return make_error(Errc::illegal_transition, "alert " + std::to_string(id) + " is resolved already");
  transaction.exec_params0("update alerts set acknowledged_at = $2::timestamptz, acknowledged_by = $3 where id = $1",
                           id, now, actor);
  append_audit(transaction, actor, "alert.acknowledge", "alert/" + std::to_string(id));
  alert.acknowledged_at = now;
  alert.acknowledged_by = actor;
  return alert;
}

}  // namespace argosy::server

#include "server/alerts/alert_store.hpp"

#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

constexpr auto alert_columns =
    "id, rule, severity, device_id, model, state, value, threshold, message, details, "
    "(extract(epoch from opened_at) * 1000)::bigint, (extract(epoch from fired_at) * 1000)::bigint, "
    "(extract(epoch from resolved_at) * 1000)::bigint, (extract(epoch from acknowledged_at) * 1000)::bigint, "
    "coalesce(acknowledged_by, '')";

AlertState state_of(const std::string& text) {
  if (text == "pending") return AlertState::pending;
  return text == "firing" ? AlertState::firing : AlertState::resolved;
}

std::optional<double> number_of(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return field.as<double>();
}

std::optional<Instant> instant_of(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return instant_from_ms(field.as<std::int64_t>());
}

Alert alert_of(const pqxx::row& row) {
  Alert alert;
  alert.id = row[0].as<std::int64_t>();
  alert.rule = alert_rule_of(row[1].as<std::string>());
  alert.severity = row[2].as<std::string>();
  alert.device = row[3].as<std::string>();
  alert.model = row[4].as<std::string>();
  alert.state = state_of(row[5].as<std::string>());
  alert.value = number_of(row[6]);
  alert.threshold = number_of(row[7]);
  alert.message = row[8].as<std::string>();
  alert.details_json = row[9].as<std::string>();
  alert.opened_at = *instant_of(row[10]);
  alert.fired_at = instant_of(row[11]);
  alert.resolved_at = instant_of(row[12]);
  alert.acknowledged_at = instant_of(row[13]);
  alert.acknowledged_by = row[14].as<std::string>();
  return alert;
}

}  // namespace

AlertPage ReadAlerts::operator()(pqxx::work& transaction) const {
  const std::string filter =
      "($1::text is null or state = $1 or ($1 = 'open' and state <> 'resolved')) and "
      "($2::text is null or device_id = $2) and ($3::text is null or rule = $3)";
  AlertPage page;
  page.total =
      transaction
          .exec_params1("select count(*) from (select 1 from alerts where " + filter + " limit 10000) as counted",
                        query.state, query.device, query.rule)[0]
          .as<std::int64_t>();
  const auto rows = transaction.exec_params(std::string("select ") + alert_columns + " from alerts where " + filter +
                                                " and ($4::bigint is null or id < $4) order by id desc limit $5",
                                            query.state, query.device, query.rule, query.before, query.limit);
  for (const auto& row : rows) page.items.push_back(alert_of(row));
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
                           id, to_rfc3339(now), actor);
  append_audit(transaction, actor, "alert.acknowledge", "alert/" + std::to_string(id));
  alert.acknowledged_at = now;
  alert.acknowledged_by = actor;
  return alert;
}

}  // namespace argosy::server

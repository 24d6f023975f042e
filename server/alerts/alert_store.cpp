#include "server/alerts/alert_store.hpp"

#include "server/alerts/alert_rows_store.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

constexpr auto alert_columns =
    "id, rule, severity, device_id, model, state, value, threshold, message, details, "
    "(extract(epoch from opened_at) * 1000)::bigint, (extract(epoch from fired_at) * 1000)::bigint, "
    "(extract(epoch from resolved_at) * 1000)::bigint, (extract(epoch from acknowledged_at) * 1000)::bigint, "
    "coalesce(acknowledged_by, '')";

AlertRule rule_of(const std::string& text) {
  for (const auto rule : {AlertRule::latency_doubled, AlertRule::accuracy_low, AlertRule::gone_dark})
    if (text == to_string(rule)) return rule;
  return AlertRule::drift;
}

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
  alert.rule = rule_of(row[1].as<std::string>());
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

// Level rules: `rows` hold (device, model, message, value or null), all to be brought to `state`.
std::size_t apply_all(pqxx::work& transaction, const pqxx::result& rows, AlertRule rule, AlertState state,
                      Instant now) {
  std::size_t moved = 0;
  for (const auto& row : rows) {
    AlertFinding finding{rule,
                         row[0].as<std::string>(),
                         row[1].as<std::string>(),
                         state,
                         number_of(row[3]),
                         std::nullopt,
                         row[2].as<std::string>(),
                         "{}"};
    const auto present = open_alert_state(transaction, rule, finding.device, finding.model);
    if (apply_finding(transaction, present, finding, now)) ++moved;
  }
  return moved;
}

constexpr auto newly_dark =
    "select d.id, '', d.id || ' has gone dark: ' || s.presence_reason, null::double precision "
    "from device_state s join devices d on d.id = s.device_id "
    "where s.presence = 'offline' and d.revoked_at is null and not exists (select 1 from alerts a "
    "where a.rule = 'gone_dark' and a.device_id = d.id and a.state <> 'resolved') order by d.id limit 1000";
constexpr auto no_longer_dark =
    "select a.device_id, a.model, case when d.revoked_at is not null then a.device_id || ' was revoked' "
    "else a.device_id || ' is back' end, null::double precision "
    "from alerts a join devices d on d.id = a.device_id left join device_state s on s.device_id = a.device_id "
    "where a.rule = 'gone_dark' and a.state <> 'resolved' and (d.revoked_at is not null or s.presence = 'online') "
    "order by a.device_id limit 1000";
constexpr auto newly_drifted =
    "select t.device_id, t.model, t.device_id || ': the input of ' || t.model || ' has drifted (' || "
    "string_agg('\"' || t.feature || '\" PSI ' || round(t.psi::numeric, 2), ', ' order by t.psi desc) || ')', "
    "max(t.psi) "
    "from drift_state t join devices d on d.id = t.device_id where t.drifted and d.revoked_at is null and not exists "
    "(select 1 from alerts a where a.rule = 'drift' and a.device_id = t.device_id and a.model = t.model "
    "and a.state <> 'resolved') group by t.device_id, t.model order by t.device_id, t.model limit 1000";
constexpr auto no_longer_drifted =
    "select a.device_id, a.model, a.device_id || ': the input of ' || a.model || ' looks as it did in training again', "
    "(select max(psi) from drift_state t where t.device_id = a.device_id and t.model = a.model) "
    "from alerts a where a.rule = 'drift' and a.state <> 'resolved' and not exists (select 1 from drift_state t "
    "join devices d on d.id = t.device_id where t.device_id = a.device_id and t.model = a.model and t.drifted "
    "and d.revoked_at is null) order by a.device_id, a.model limit 1000";
constexpr auto of_revoked_devices =
    "select a.device_id, a.model, a.device_id || ' was revoked', null::double precision from alerts a "
    "join devices d on d.id = a.device_id where a.rule = $1 and a.state <> 'resolved' and d.revoked_at is not null "
    "order by a.device_id, a.model limit 1000";

}  // namespace

std::vector<WatchedModel> FindHeardDevices::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      "select m.device_id, m.model from device_state s join device_models m using (device_id) "
      "where s.last_seen_at >= $1::timestamptz",
      to_rfc3339(since));
  std::vector<WatchedModel> pairs;
  for (const auto& row : rows) pairs.push_back({row[0].as<std::string>(), row[1].as<std::string>()});
  return pairs;
}

std::size_t JudgeLevels::operator()(pqxx::work& transaction) const {
  std::size_t moved = 0;
  moved += apply_all(transaction, transaction.exec(no_longer_dark), AlertRule::gone_dark, AlertState::ok, now);
  moved += apply_all(transaction, transaction.exec(newly_dark), AlertRule::gone_dark, AlertState::firing, now);
  moved += apply_all(transaction, transaction.exec(no_longer_drifted), AlertRule::drift, AlertState::ok, now);
  moved += apply_all(transaction, transaction.exec(newly_drifted), AlertRule::drift, AlertState::firing, now);
  for (const auto rule : {AlertRule::latency_doubled, AlertRule::accuracy_low}) {
    const auto rows = transaction.exec_params(of_revoked_devices, std::string(to_string(rule)));
    moved += apply_all(transaction, rows, rule, AlertState::ok, now);
  }
  return moved;
}

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

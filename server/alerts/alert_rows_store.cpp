#include "server/alerts/alert_rows_store.hpp"

#include <nlohmann/json.hpp>

#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

void announce(pqxx::work& transaction, const AlertFinding& finding, const char* kind, std::int64_t id) {
  NewEvent event;
  event.kind = kind;
  event.severity = event.kind == "alert.firing" ? std::string(severity_of(finding.rule)) : "info";
  event.device_id = finding.device;
  if (!finding.model.empty()) event.model = finding.model;
  event.message = finding.message;
  event.details_json =
      nlohmann::json{{"alert", id},
                     {"rule", to_string(finding.rule)},
                     {"value", finding.value ? nlohmann::json(*finding.value) : nlohmann::json(nullptr)},
                     {"threshold", finding.threshold ? nlohmann::json(*finding.threshold) : nlohmann::json(nullptr)}}
          .dump();
  append_event(transaction, event);
}

// Opens the row or raises the pending one. Nothing comes back when another instance was quicker.
bool open(pqxx::work& transaction, const AlertFinding& finding, AlertState state, Instant now) {
  const auto rows = transaction.exec_params(
      "insert into alerts as a (rule, severity, device_id, model, state, value, threshold, message, details, "
      "opened_at, "
      "fired_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::timestamptz, "
      "case when $5 = 'firing' then $10::timestamptz end) "
      "on conflict (rule, device_id, model) where state <> 'resolved' do update set state = excluded.state, "
      "value = excluded.value, threshold = excluded.threshold, message = excluded.message, details = excluded.details, "
      "fired_at = excluded.fired_at where a.state = 'pending' and excluded.state = 'firing' returning id",
      std::string(to_string(finding.rule)), std::string(severity_of(finding.rule)), finding.device, finding.model,
      std::string(to_string(state)), finding.value, finding.threshold, finding.message, finding.details_json,
      to_rfc3339(now));
  if (rows.empty()) return false;
  if (state == AlertState::firing) announce(transaction, finding, "alert.firing", rows[0][0].as<std::int64_t>());
  return true;
}

void refresh(pqxx::work& transaction, const AlertFinding& finding) {
  transaction.exec_params0(
      "update alerts set value = $4, threshold = $5 where rule = $1 and device_id = $2 and model = $3 and "
      "state <> 'resolved'",
      std::string(to_string(finding.rule)), finding.device, finding.model, finding.value, finding.threshold);
}

bool withdraw(pqxx::work& transaction, const AlertFinding& finding) {
  return transaction
             .exec_params("delete from alerts where rule = $1 and device_id = $2 and model = $3 and state = 'pending'",
                          std::string(to_string(finding.rule)), finding.device, finding.model)
             .affected_rows() > 0;
}

bool resolve(pqxx::work& transaction, const AlertFinding& finding, Instant now) {
  const auto rows = transaction.exec_params(
      "update alerts set state = 'resolved', resolved_at = $4::timestamptz, value = coalesce($5, value), "
      "details = details || jsonb_build_object('resolution', $6::text) "
      "where rule = $1 and device_id = $2 and model = $3 and state = 'firing' returning id",
      std::string(to_string(finding.rule)), finding.device, finding.model, to_rfc3339(now), finding.value,
      finding.message);
  if (rows.empty()) return false;
  announce(transaction, finding, "alert.resolved", rows[0][0].as<std::int64_t>());
  return true;
}

}  // namespace

AlertState open_alert_state(pqxx::work& transaction, AlertRule rule, const std::string& device,
                            const std::string& model) {
  const auto rows = transaction.exec_params(
      "select state from alerts where rule = $1 and device_id = $2 and model = $3 and state <> 'resolved' for update",
      std::string(to_string(rule)), device, model);
  if (rows.empty()) return AlertState::ok;
  return rows[0][0].as<std::string>() == "firing" ? AlertState::firing : AlertState::pending;
}

bool apply_finding(pqxx::work& transaction, AlertState present, const AlertFinding& finding, Instant now) {
  switch (next_step(present, finding.state)) {
    case AlertStep::none:
      return false;
    case AlertStep::open_pending:
      return open(transaction, finding, AlertState::pending, now);
    case AlertStep::fire:
      return open(transaction, finding, AlertState::firing, now);
    case AlertStep::refresh:
      refresh(transaction, finding);
      return false;
    case AlertStep::withdraw:
      return withdraw(transaction, finding);
    case AlertStep::resolve:
      return resolve(transaction, finding, now);
  }
  return false;
}

}  // namespace argosy::server

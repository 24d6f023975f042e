#include "server/alerts/alert_rows_store.hpp"

#include <nlohmann/json.hpp>

#include "server/db/advisory_locks.hpp"
#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

struct Move {
  AlertStep step = AlertStep::none;
  AlertFinding finding;
};

constexpr auto columns_of_findings = R"sql(
  jsonb_to_recordset($1::jsonb) as f(place int, rule text, severity text, device text, model text,
    value double precision, threshold double precision, message text, details text)
)sql";

AlertKey key_of(const AlertFinding& finding) {
  return {finding.rule, finding.device, finding.model};
}

AlertState state_after(AlertStep step, AlertState present) {
  switch (step) {
    case AlertStep::none:
    case AlertStep::refresh:
      return present;
    case AlertStep::open_pending:
      return AlertState::pending;
    case AlertStep::fire:
      return AlertState::firing;
    case AlertStep::withdraw:
    case AlertStep::resolve:
      return AlertState::ok;
  }
  return present;
}

// What a new finding makes of the moves so far: a refresh is of no use before another move, and what was pending
// between two looks leaves no trace.
void add_move(std::vector<Move>& moves, AlertStep step, const AlertFinding& finding) {
  if (step == AlertStep::none) return;
  if (!moves.empty() && moves.back().step == AlertStep::refresh) moves.pop_back();
  if (step == AlertStep::withdraw && !moves.empty() && moves.back().step == AlertStep::open_pending) {
    moves.pop_back();
    return;
  }
  moves.push_back({step, finding});
}

std::map<AlertKey, std::vector<Move>> moves_of(const OngoingAlerts& open, const std::vector<AlertFinding>& findings) {
  std::map<AlertKey, AlertState> states;
  std::map<AlertKey, std::vector<Move>> moves;
  for (const auto& finding : findings) {
    const auto key = key_of(finding);
    const auto known = open.find(key);
    auto& state = states.try_emplace(key, known != open.end() ? known->second.state : AlertState::ok).first->second;
    const auto step = next_step(state, finding.state);
    add_move(moves[key], step, finding);
    state = state_after(step, state);
  }
  return moves;
}

using Findings = std::vector<const AlertFinding*>;

std::string rows_json(const Findings& findings) {
  auto rows = json::array();
  for (const auto* finding : findings) {
    rows.push_back({{"place", rows.size()},
                    {"rule", finding->rule},
                    {"severity", finding->severity},
                    {"device", finding->device},
                    {"model", finding->model},
                    {"value", json_of(finding->value)},
                    {"threshold", json_of(finding->threshold)},
                    {"message", finding->message},
                    {"details", finding->details_json}});
  }
  return rows.dump();
}

// `rows` are alerts that moved.
void announce(pqxx::work& transaction, const Findings& findings, const char* kind, const pqxx::result& rows) {
  std::map<AlertKey, std::int64_t> ids;
  for (const auto& row : rows)
    ids[{row["rule"].as<std::string>(), row["device_id"].as<std::string>(), row["model"].as<std::string>()}] =
        row["id"].as<std::int64_t>();
  std::vector<NewEvent> events;
  for (const auto* finding : findings) {
    const auto id = ids.find(key_of(*finding));
    if (id == ids.end()) continue;
    NewEvent event;
    event.kind = kind;
    event.severity = event.kind == "alert.firing" ? finding->severity : "info";
    event.device_id = finding->device;
    if (!finding->model.empty()) event.model = finding->model;
    event.message = finding->message;
    event.details_json = json{{"alert", id->second},
                              {"rule", finding->rule},
                              {"value", json_of(finding->value)},
                              {"threshold", json_of(finding->threshold)}}
                             .dump();
    events.push_back(std::move(event));
  }
  append_events(transaction, events);
}

// Opens rows or raises pending ones.
std::size_t open_rows(pqxx::work& transaction, const Findings& findings, AlertState state, Instant now) {
  if (findings.empty()) return 0;
  static const std::string sql =
      R"sql(
        insert into alerts as a (rule, severity, device_id, model, state, value, threshold, message, details,
          opened_at, fired_at)
        select rule, severity, device, model, $2, value, threshold, message, details::jsonb, $3::timestamptz,
          case when $2 = 'firing' then $3::timestamptz end
        from
      )sql" +
      std::string(columns_of_findings) + R"sql(
        order by place
        on conflict (rule, device_id, model) where state <> 'resolved' do update set
          state = excluded.state, value = excluded.value, threshold = excluded.threshold,
          message = excluded.message, details = excluded.details, fired_at = excluded.fired_at
        where a.state = 'pending' and excluded.state = 'firing'
        returning id, rule, device_id, model
      )sql";
  const auto rows = transaction.exec_params(sql, rows_json(findings), std::string(to_string(state)), now);
  if (state == AlertState::firing) announce(transaction, findings, "alert.firing", rows);
  return rows.size();
}

void refresh_rows(pqxx::work& transaction, const Findings& findings) {
  if (findings.empty()) return;
  static const std::string sql =
      "update alerts a set value = f.value, threshold = f.threshold from " + std::string(columns_of_findings) + R"sql(
        where a.rule = f.rule and a.device_id = f.device and a.model = f.model and a.state <> 'resolved'
          and (a.value, a.threshold) is distinct from (f.value, f.threshold)
      )sql";
  transaction.exec_params0(sql, rows_json(findings));
}

std::size_t withdraw_rows(pqxx::work& transaction, const Findings& findings) {
  if (findings.empty()) return 0;
  static const std::string sql = "delete from alerts a using " + std::string(columns_of_findings) + R"sql(
    where a.rule = f.rule and a.device_id = f.device and a.model = f.model and a.state = 'pending'
  )sql";
  return transaction.exec_params(sql, rows_json(findings)).affected_rows();
}

std::size_t resolve_rows(pqxx::work& transaction, const Findings& findings, Instant now) {
  if (findings.empty()) return 0;
  static const std::string sql =
      R"sql(
        update alerts a
        set state = 'resolved', resolved_at = $2::timestamptz, value = coalesce(f.value, a.value),
          details = a.details || jsonb_build_object('resolution', f.message)
        from
      )sql" +
      std::string(columns_of_findings) + R"sql(
        where a.rule = f.rule and a.device_id = f.device and a.model = f.model and a.state = 'firing'
        returning a.id, a.rule, a.device_id, a.model
      )sql";
  const auto rows = transaction.exec_params(sql, rows_json(findings), now);
  announce(transaction, findings, "alert.resolved", rows);
  return rows.size();
}

}  // namespace

void lock_alerts(pqxx::work& transaction) {
  transaction.exec1(advisory_lock::wait_in_transaction(advisory_lock::alerts));
}

OngoingAlerts read_open_alerts(pqxx::work& transaction, const std::vector<std::string>& devices) {
  const auto rows = transaction.exec_params(
      R"sql(
        select a.rule, a.device_id, a.model, a.state, coalesce(a.details ->> 'version', '') as version
        from (select distinct device from unnest($1::text[]) as t(device)) d
        join alerts a on a.device_id = d.device and a.state <> 'resolved'
      )sql",
      pg_array(devices));
  OngoingAlerts open;
  for (const auto& row : rows) {
    const auto state = row["state"].as<std::string>() == "firing" ? AlertState::firing : AlertState::pending;
    open[{row["rule"].as<std::string>(), row["device_id"].as<std::string>(), row["model"].as<std::string>()}] = {
        state, row["version"].as<std::string>()};
  }
  return open;
}

std::size_t apply_findings(pqxx::work& transaction, const OngoingAlerts& open,
                           const std::vector<AlertFinding>& findings, Instant now) {
  const auto moves = moves_of(open, findings);
  std::size_t longest = 0;
  for (const auto& [key, of_alert] : moves) longest = std::max(longest, of_alert.size());
  std::size_t moved = 0;
  for (std::size_t turn = 0; turn < longest; ++turn) {  // nearly always one
    std::map<AlertStep, Findings> steps;
    for (const auto& [key, of_alert] : moves) {
      if (turn < of_alert.size()) steps[of_alert[turn].step].push_back(&of_alert[turn].finding);
    }
    moved += open_rows(transaction, steps[AlertStep::open_pending], AlertState::pending, now);
    moved += open_rows(transaction, steps[AlertStep::fire], AlertState::firing, now);
    refresh_rows(transaction, steps[AlertStep::refresh]);
    moved += withdraw_rows(transaction, steps[AlertStep::withdraw]);
    moved += resolve_rows(transaction, steps[AlertStep::resolve], now);
  }
  return moved;
}

}  // namespace argosy::server

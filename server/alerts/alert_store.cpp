#include "server/alerts/alert_store.hpp"

#include <algorithm>

#include "server/alerts/alert_cards_store.hpp"
#include "server/alerts/alert_rows_store.hpp"
#include "server/alerts/silence_rows_store.hpp"
#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

constexpr int moments_shown = 200;
constexpr int groups_shown = 500;

constexpr auto alert_columns = R"sql(
  a.id, a.rule, a.severity, coalesce(a.device_id, '') as device_id, coalesce(a.site, '') as site, a.rollout_id,
  coalesce((select r.name from rollouts r where r.id = a.rollout_id), '') as rollout, a.group_key, a.model, a.state,
  a.value, a.threshold, a.message, a.details, a.opened_at, a.fired_at, a.resolved_at, a.acknowledged_at,
  coalesce(a.acknowledged_by, '') as acknowledged_by, a.acknowledgement, a.inhibited_by, a.silenced_by, a.flapping,
  a.told_at, a.escalations
)sql";

constexpr auto moment_columns = R"sql(
  h.id, h.alert_id, a.rule, a.subject, a.model, h.at, h.change, h.actor, h.reason
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
  alert.rollout = optional_of<std::int64_t>(row["rollout_id"]);
  alert.rollout_name = row["rollout"].as<std::string>();
  alert.group = row["group_key"].as<std::string>();
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
  alert.acknowledgement = row["acknowledgement"].as<std::string>();
  alert.inhibited_by = optional_of<std::int64_t>(row["inhibited_by"]);
  alert.silenced_by = optional_of<std::int64_t>(row["silenced_by"]);
  alert.is_flapping = row["flapping"].as<bool>();
  alert.told_at = optional_of<Instant>(row["told_at"]);
  alert.escalations = row["escalations"].as<int>();
  return alert;
}

AlertMoment moment_of(const pqxx::row& row) {
  return {.id = row["id"].as<std::int64_t>(),
          .alert = row["alert_id"].as<std::int64_t>(),
          .rule = row["rule"].as<std::string>(),
          .subject = row["subject"].as<std::string>(),
          .model = row["model"].as<std::string>(),
          .at = row["at"].as<Instant>(),
          .change = row["change"].as<std::string>(),
          .actor = row["actor"].as<std::string>(),
          .reason = row["reason"].as<std::string>()};
}

// The alerts of $2, and those that stand for them; or all.
std::string asked_from(const AlertQuery& query) {
  if (!query.device) return "alerts a";
  return R"sql(
    (
      select id from alerts where device_id = $2
      union
      select s.id from site_devices m join alerts s on s.subject = 'site/' || m.site where m.device_id = $2
      union
      select inhibited_by from alerts where device_id = $2 and inhibited_by is not null
    ) of_device
    join alerts a using (id)
  )sql";
}

Result<Alert> read_alert(pqxx::work& transaction, std::int64_t id) {
  static const std::string sql = std::string("select ") + alert_columns + " from alerts a where a.id = $1";
  const auto rows = transaction.exec_params(sql, id);
  if (rows.empty()) return make_error(Errc::not_found, "there is no alert " + std::to_string(id));
  return alert_of(rows[0]);
}

// The alert as somebody may change it.
Result<AlertCard> open_card(pqxx::work& transaction, std::int64_t id) {
  auto card = read_card(transaction, id);
  if (!card) return make_error(Errc::not_found, "there is no alert " + std::to_string(id));
  if (!card->life.is_open())
    return make_error(Errc::illegal_transition, "alert " + std::to_string(id) + " is resolved already");
  return std::move(*card);
}

void write_by_hand(pqxx::work& transaction, AlertCard& card, const AlertChanges& changes, const std::string& actor,
                   const std::string& comment, Instant now) {
  card.is_changed = true;
  write_cards(transaction, {&card});
  AlertNews news;
  for (const auto change : changes) news.items.push_back({&card, change, actor, comment});
  write_news(transaction, news, now);
}

}  // namespace

AlertPage ReadAlerts::operator()(pqxx::work& transaction) const {
  const std::string from = asked_from(query);
  const std::string filter = R"sql(
    where ($1::text is null or a.state = $1 or ($1 = 'open' and a.state <> 'resolved'))
      and ($2::text is null or true) and ($3::text is null or a.rule = $3) and ($4::text is null or a.group_key = $4)
      and ($5::text is null or $5 = case when a.inhibited_by is not null then 'inhibited'
        when a.silenced_by is not null then 'silenced' else 'free' end)
  )sql";
  AlertPage page;
  page.total = transaction
                   .exec_params1("select count(*) from (select 1 from " + from + filter + " limit 10000) as counted",
                                 query.state, query.device, query.rule, query.group, query.held)[0]
                   .as<std::int64_t>();
  const std::string sql = std::string("select ") + alert_columns + " from " + from + filter +
                          " and ($6::bigint is null or a.id < $6) order by a.id desc limit $7";
  for (const auto& row : transaction.exec_params(sql, query.state, query.device, query.rule, query.group, query.held,
                                                 query.before, query.limit))
    page.items.push_back(alert_of(row));
  return page;
}

Result<AlertWithHistory> ReadAlert::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(auto alert, read_alert(transaction, id));
  AlertWithHistory found{.alert = std::move(alert)};
  const std::string sql = std::string("select ") + moment_columns + R"sql(
    from alert_history h
    join alerts a on a.id = h.alert_id
    where h.alert_id = $1
    order by h.id desc
    limit $2
  )sql";
  for (const auto& row : transaction.exec_params(sql, id, moments_shown)) found.history.push_back(moment_of(row));
  std::reverse(found.history.begin(), found.history.end());
  found.stands_for =
      transaction.exec_params1("select count(*) from alerts where inhibited_by = $1 and state = 'firing'", id)[0]
          .as<std::int64_t>();
  return found;
}

std::vector<AlertGroup> ReadAlertGroups::operator()(pqxx::work& transaction) const {
  const std::string key = query.by_rule ? "'rule/' || a.rule" : "a.group_key";
  const std::string sql = "select " + key + R"sql( as key,
      coalesce(max(a.severity) filter (where a.state = 'firing' and a.severity = 'critical'),
        max(a.severity) filter (where a.state = 'firing'), '') as severity,
      count(*) filter (where a.state = 'firing') as firing, count(*) filter (where a.state = 'pending') as pending,
      count(*) filter (where a.state = 'resolved') as resolved,
      count(*) filter (where a.inhibited_by is not null) as inhibited,
      count(*) filter (where a.silenced_by is not null) as silenced,
      count(*) filter (where a.acknowledged_at is not null) as acknowledged,
      (array_agg(distinct a.rule))[1:20] as rules, max(a.opened_at) as newest_at
    from (
      select * from alerts
      where state = $1 or ($1 = 'open' and state <> 'resolved')
      order by id desc
      limit 10000
    ) a
    group by 1
    order by count(*) filter (where a.state = 'firing' and a.severity = 'critical') > 0 desc, max(a.id) desc
    limit $2
  )sql";
  std::vector<AlertGroup> groups;
  for (const auto& row : transaction.exec_params(sql, query.state, groups_shown))
    groups.push_back({.key = row["key"].as<std::string>(),
                      .severity = row["severity"].as<std::string>(),
                      .firing = row["firing"].as<std::int64_t>(),
                      .pending = row["pending"].as<std::int64_t>(),
                      .resolved = row["resolved"].as<std::int64_t>(),
                      .inhibited = row["inhibited"].as<std::int64_t>(),
                      .silenced = row["silenced"].as<std::int64_t>(),
                      .acknowledged = row["acknowledged"].as<std::int64_t>(),
                      .rules = texts_of(row["rules"]),
                      .newest_at = row["newest_at"].as<Instant>()});
  return groups;
}

HistoryPage ReadAlertHistory::operator()(pqxx::work& transaction) const {
  const std::string from = R"sql(
    from alert_history h
    join alerts a on a.id = h.alert_id
    where ($1::bigint is null or h.alert_id = $1) and ($2::text is null or a.device_id = $2)
      and ($3::text is null or a.rule = $3)
  )sql";
  HistoryPage page;
  page.total = transaction
                   .exec_params1("select count(*) from (select 1 " + from + " limit 10000) as counted", query.alert,
                                 query.device, query.rule)[0]
                   .as<std::int64_t>();
  const std::string sql = std::string("select ") + moment_columns + from +
                          " and ($4::bigint is null or h.id < $4) order by h.id desc limit $5";
  for (const auto& row : transaction.exec_params(sql, query.alert, query.device, query.rule, query.before, query.limit))
    page.items.push_back(moment_of(row));
  return page;
}

Result<Alert> AcknowledgeAlert::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(auto card, open_card(transaction, id));
  const auto changes = acknowledge(card.life);
  if (changes.empty()) return read_alert(transaction, id);
  transaction.exec_params0(
      R"sql(
        update alerts
        set acknowledged_at = $2::timestamptz, acknowledged_by = $3, acknowledgement = $4
        where id = $1
      )sql",
      id, now, actor, comment);
  write_by_hand(transaction, card, changes, actor, comment, now);
  append_audit(transaction, actor, "alert.acknowledge", "alert/" + std::to_string(id));
  return read_alert(transaction, id);
}

Result<Alert> UnacknowledgeAlert::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(auto card, open_card(transaction, id));
  const auto changes = take_acknowledgement_back(card.life, now);
  if (changes.empty()) return read_alert(transaction, id);
  transaction.exec_params0(
      "update alerts set acknowledged_at = null, acknowledged_by = null, acknowledgement = '' where id = $1", id);
  write_by_hand(transaction, card, changes, actor, "", now);
  append_audit(transaction, actor, "alert.unacknowledge", "alert/" + std::to_string(id));
  return read_alert(transaction, id);
}

std::size_t FollowLives::operator()(pqxx::work& transaction) const {
  lock_alerts(transaction);
  follow_silences(transaction, now);
  return look_at_due_alerts(transaction, escalation, at_once, now);
}

}  // namespace argosy::server

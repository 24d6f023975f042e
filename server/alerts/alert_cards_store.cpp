#include "server/alerts/alert_cards_store.hpp"

#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/alerts/rules_said_store.hpp"
#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

constexpr auto card_columns = R"sql(
  a.id, a.rule, a.severity, coalesce(a.device_id, '') as device, coalesce(a.site, '') as site, a.rollout_id, a.model,
  a.state, coalesce(a.condition, a.state) as condition, a.value, a.threshold, a.message, a.details, a.opened_at,
  a.fired_at, a.resolved_at, a.acknowledged_at is not null as acknowledged, a.group_key, a.inhibited_by, a.silenced_by,
  a.flapping, a.turns, a.told_at, a.waits_since, a.escalations, a.look_at
)sql";

AlertState state_in(const std::string& text) {
  if (text == "ok") return AlertState::ok;
  if (text == "pending") return AlertState::pending;
  return text == "firing" ? AlertState::firing : AlertState::resolved;
}

std::vector<Instant> turns_in(const std::string& text) {
  std::vector<Instant> turns;
  for (const auto& turn : json_or_null(text)) {
    if (turn.is_number_integer()) turns.push_back(instant_from_ms(turn.get<std::int64_t>()));
  }
  return turns;
}

std::string turns_text(const std::vector<Instant>& turns) {
  auto list = json::array();
  for (const auto turn : turns) list.push_back(to_ms(turn));
  return list.dump();
}

AlertCard card_in(const pqxx::row& row) {
  AlertCard card;
  card.id = row["id"].as<std::int64_t>();
  card.life = {
      .state = state_in(row["state"].as<std::string>()),
      .condition = state_in(row["condition"].as<std::string>()),
      .severity = row["severity"].as<std::string>(),
      .held_back = {optional_of<std::int64_t>(row["inhibited_by"]), optional_of<std::int64_t>(row["silenced_by"])},
      .is_flapping = row["flapping"].as<bool>(),
      .is_acknowledged = row["acknowledged"].as<bool>(),
      .escalations = row["escalations"].as<int>(),
      .turns = turns_in(row["turns"].as<std::string>()),
      .told_at = optional_of<Instant>(row["told_at"]),
      .since = optional_of<Instant>(row["waits_since"]),
      .look_at = optional_of<Instant>(row["look_at"])};
  card.what.rule = row["rule"].as<std::string>();
  card.what.severity = card.life.severity;
  card.what.device = row["device"].as<std::string>();
  card.what.site = row["site"].as<std::string>();
  card.what.rollout = optional_of<std::int64_t>(row["rollout_id"]);
  card.what.model = row["model"].as<std::string>();
  card.what.value = optional_of<double>(row["value"]);
  card.what.threshold = optional_of<double>(row["threshold"]);
  card.what.message = row["message"].as<std::string>();
  card.what.details_json = row["details"].as<std::string>();
  card.group = row["group_key"].as<std::string>();
  card.opened_at = row["opened_at"].as<Instant>();
  card.fired_at = optional_of<Instant>(row["fired_at"]);
  card.resolved_at = optional_of<Instant>(row["resolved_at"]);
  return card;
}

AlertCard new_card(const AlertFinding& what) {
  AlertCard card;
  card.is_new = true;
  card.what.rule = what.rule;
  card.what.device = what.device;
  card.what.site = what.site;
  card.what.rollout = what.rollout;
  card.what.model = what.model;
  return card;
}

// [{"place", "subject", "rule", "model"}] of the cards that have no row.
std::string keys_json(const std::map<CardKey, AlertCard>& cards) {
  auto keys = json::array();
  for (const auto& [key, card] : cards) {
    const auto& [subject, rule, model] = key;
    if (card.is_new) keys.push_back({{"subject", subject}, {"rule", rule}, {"model", model}});
  }
  return keys.dump();
}

void read_open(pqxx::work& transaction, std::map<CardKey, AlertCard>& cards) {
  static const std::string sql = std::string("select ") + card_columns + R"sql(
    from jsonb_to_recordset($1::jsonb) as k(subject text, rule text, model text)
    join alerts a on a.subject = k.subject and a.rule = k.rule and a.model = k.model and a.state <> 'resolved'
    for update of a
  )sql";
  for (const auto& row : transaction.exec_params(sql, keys_json(cards))) {
    auto card = card_in(row);
    auto key = card_key_of(card.what);
    cards[std::move(key)] = std::move(card);
  }
}

// How often the alerts before have turned: one that comes and goes is found by it.
void read_turns_before(pqxx::work& transaction, std::map<CardKey, AlertCard>& cards, const FlapRule& flap,
                       Instant now) {
  constexpr auto sql = R"sql(
    select k.subject, k.rule, k.model, p.turns
    from jsonb_to_recordset($1::jsonb) as k(subject text, rule text, model text)
    cross join lateral (
      select a.turns
      from alerts a
      where a.subject = k.subject and a.rule = k.rule and a.model = k.model and a.state = 'resolved'
        and a.resolved_at > $2::timestamptz
      order by a.id desc
      limit 1
    ) p
  )sql";
  for (const auto& row : transaction.exec_params(sql, keys_json(cards), now - flap.within)) {
    AlertLife before;
    before.turns = turns_in(row["turns"].as<std::string>());
    cards[{row["subject"].as<std::string>(), row["rule"].as<std::string>(), row["model"].as<std::string>()}].life =
        life_after(flap, before, now);
  }
}

json row_of(const AlertCard& card) {
  const auto& life = card.life;
  const bool follows = life.condition == life.state || life.state == AlertState::resolved;
  return {{"id", card.id},
          {"rule", card.what.rule},
          {"severity", life.severity},
          {"device", card.what.device.empty() ? json() : json(card.what.device)},
          {"site", card.what.site.empty() ? json() : json(card.what.site)},
          {"rollout", json_of(card.what.rollout)},
          {"model", card.what.model},
          {"state", to_string(life.state)},
          {"condition", follows ? json() : json(to_string(life.condition))},
          {"value", json_of(card.what.value)},
          {"threshold", json_of(card.what.threshold)},
          {"message", card.what.message},
          {"details", card.what.details_json},
          {"opened_at", to_rfc3339(card.opened_at)},
          {"fired_at", json_of(card.fired_at)},
          {"resolved_at", json_of(card.resolved_at)},
          {"group_key", card.group},
          {"inhibited_by", json_of(life.held_back.inhibited_by)},
          {"silenced_by", json_of(life.held_back.silenced_by)},
          {"flapping", life.is_flapping},
          {"turns", turns_text(life.turns)},
          {"told_at", json_of(life.told_at)},
          {"waits_since", json_of(life.since)},
          {"escalations", life.escalations},
          {"look_at", json_of(life.look_at)}};
}

constexpr auto rows_of_cards = R"sql(
  jsonb_to_recordset($1::jsonb) as f(id bigint, rule text, severity text, device text, site text, rollout bigint,
    model text, state text, condition text, value double precision, threshold double precision, message text,
    details text, opened_at timestamptz, fired_at timestamptz, resolved_at timestamptz, group_key text,
    inhibited_by bigint, silenced_by bigint, flapping boolean, turns text, told_at timestamptz,
    waits_since timestamptz, escalations int, look_at timestamptz)
)sql";

void update_rows(pqxx::work& transaction, const json& rows) {
  if (rows.empty()) return;
  static const std::string sql = R"sql(
    update alerts a
    set severity = f.severity, state = f.state, condition = f.condition, value = f.value, threshold = f.threshold,
      message = f.message, details = f.details::jsonb, fired_at = f.fired_at, resolved_at = f.resolved_at,
      group_key = f.group_key, inhibited_by = f.inhibited_by, silenced_by = f.silenced_by, flapping = f.flapping,
      turns = f.turns::jsonb, told_at = f.told_at, waits_since = f.waits_since, escalations = f.escalations,
      look_at = f.look_at
    from
  )sql" + std::string(rows_of_cards) +
                                 " where a.id = f.id";
  transaction.exec_params0(sql, rows.dump());
}

void insert_rows(pqxx::work& transaction, const json& rows) {
  if (rows.empty()) return;
  static const std::string sql = R"sql(
    insert into alerts (id, rule, severity, device_id, site, rollout_id, model, state, condition, value, threshold,
      message, details, opened_at, fired_at, resolved_at, group_key, inhibited_by, silenced_by, flapping, turns,
      told_at, waits_since, escalations, look_at)
    overriding system value
    select id, rule, severity, device, site, rollout, model, state, condition, value, threshold, message,
      details::jsonb, opened_at, fired_at, resolved_at, group_key, inhibited_by, silenced_by, flapping, turns::jsonb,
      told_at, waits_since, escalations, look_at
    from
  )sql" + std::string(rows_of_cards);
  transaction.exec_params0(sql, rows.dump());
}

void delete_rows(pqxx::work& transaction, const std::vector<std::int64_t>& ids) {
  if (ids.empty()) return;
  transaction.exec_params0("delete from alerts where id in (select unnest($1::bigint[]))", pg_array(ids));
}

std::string message_of(const AlertNews::One& one) {
  const auto& message = one.card->what.message;
  switch (one.change) {
    case AlertChange::resolved:
      return one.reason.empty() ? message + " - no more" : one.reason;
    case AlertChange::escalated:
      return message + " - and nobody has acknowledged it";
    case AlertChange::acknowledged:
      return one.actor + " looks after this: " + message;
    default:
      return one.card->life.is_flapping ? message + " - it comes and goes" : message;
  }
}

NewEvent event_about(const AlertNews::One& one, std::string_view kind, const SaidOfRules& rules) {
  const auto& [id, is_new, is_changed, life, what, group, opened_at, fired_at, resolved_at] = *one.card;
  const bool alarms = one.change == AlertChange::told || one.change == AlertChange::escalated;
  NewEvent event;
  event.kind = kind;
  event.severity = alarms ? life.severity : "info";
  if (!what.device.empty()) event.device_id = what.device;
  event.rollout_id = what.rollout;
  if (!what.model.empty()) event.model = what.model;
  event.message = message_of(one);
  json details{{"alert", id},
               {"rule", what.rule},
               {"severity", life.severity},
               {"device", what.device.empty() ? json() : json(what.device)},
               {"site", what.site.empty() ? json() : json(what.site)},
               {"rollout", json_of(what.rollout)},
               {"model", what.model},
               {"group", group},
               {"value", json_of(what.value)},
               {"threshold", json_of(what.threshold)},
               {"flapping", life.is_flapping},
               {"escalations", life.escalations}};
  const auto rule = rules.find(what.rule);
  if (rule != rules.end() && !rule->second.route.empty()) details["routes"] = {rule->second.route};
  event.details_json = details.dump();
  return event;
}

}  // namespace

CardKey card_key_of(const AlertFinding& finding) {
  return {subject_of(finding), finding.rule, finding.model};
}

std::map<CardKey, AlertCard> read_cards(pqxx::work& transaction, const std::vector<AlertFinding>& findings,
                                        const FlapRule& flap, Instant now) {
  std::map<CardKey, AlertCard> cards;
  for (const auto& finding : findings) cards.try_emplace(card_key_of(finding), new_card(finding));
  read_open(transaction, cards);
  read_turns_before(transaction, cards, flap, now);
  return cards;
}

AlertCard card_after(const AlertCard& ended, const FlapRule& flap, Instant now) {
  AlertCard card = new_card(ended.what);
  card.life = life_after(flap, ended.life, now);
  return card;
}

std::vector<AlertCard> read_due_cards(pqxx::work& transaction, Instant now, std::size_t most) {
  static const std::string sql = std::string("select ") + card_columns + R"sql(
    from alerts a
    where a.look_at <= $1::timestamptz
    order by a.look_at, a.id
    limit $2
    for update
  )sql";
  std::vector<AlertCard> cards;
  for (const auto& row : transaction.exec_params(sql, now, most)) cards.push_back(card_in(row));
  return cards;
}

std::optional<AlertCard> read_card(pqxx::work& transaction, std::int64_t id) {
  static const std::string sql = std::string("select ") + card_columns + " from alerts a where a.id = $1 for update";
  const auto rows = transaction.exec_params(sql, id);
  if (rows.empty()) return std::nullopt;
  return card_in(rows[0]);
}

std::vector<std::int64_t> take_alert_ids(pqxx::work& transaction, std::size_t count) {
  std::vector<std::int64_t> ids;
  if (count == 0) return ids;
  const auto rows = transaction.exec_params(
      "select nextval(pg_get_serial_sequence('alerts', 'id')) from generate_series(1, $1) order by 1", count);
  for (const auto& row : rows) ids.push_back(row[0].as<std::int64_t>());
  return ids;
}

void write_cards(pqxx::work& transaction, const std::vector<const AlertCard*>& cards) {
  auto changed = json::array();
  auto fresh = json::array();
  std::vector<std::int64_t> withdrawn;
  for (const auto* card : cards) {
    if (!card->is_changed) continue;
    if (card->life.state == AlertState::ok) {
      if (!card->is_new) withdrawn.push_back(card->id);
    } else {
      (card->is_new ? fresh : changed).push_back(row_of(*card));
    }
  }
  delete_rows(transaction, withdrawn);
  update_rows(transaction, changed);
  insert_rows(transaction, fresh);
}

void write_news(pqxx::work& transaction, const AlertNews& news, Instant now) {
  if (news.items.empty()) return;
  const auto rules = what_rules_say(transaction);
  auto history = json::array();
  std::vector<NewEvent> events;
  for (const auto& one : news.items) {
    if (one.card->life.state == AlertState::ok) continue;  // withdrawn: it leaves no trace
    history.push_back({{"place", history.size()},
                       {"alert", one.card->id},
                       {"change", to_string(one.change)},
                       {"actor", one.actor},
                       {"reason", one.reason}});
    if (const auto kind = event_of(one.change, one.card->life)) events.push_back(event_about(one, *kind, *rules));
  }
  if (history.empty()) return;
  transaction.exec_params0(
      R"sql(
        insert into alert_history (alert_id, at, change, actor, reason)
        select alert, $2::timestamptz, change, actor, reason
        from jsonb_to_recordset($1::jsonb) as h(place int, alert bigint, change text, actor text, reason text)
        order by place
      )sql",
      history.dump(), now);
  append_events(transaction, events);
}

}  // namespace argosy::server

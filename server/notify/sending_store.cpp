// What is due and all that sending it needs, and what came of an attempt.
#include <map>

#include <nlohmann/json.hpp>

#include "common/base/sql_words.hpp"
#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"
#include "server/notify/delivery_rows_store.hpp"
#include "server/notify/delivery_store.hpp"
#include "server/notify/giving_up_store.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::int64_t most_told_again = 500;

std::optional<std::int64_t> first_due(pqxx::work& transaction, std::int64_t route, Instant now) {
  const auto rows = transaction.exec_params(
      R"sql(
        select d.id
        from deliveries d
        join notice_route_states s on s.route_id = d.route_id
        join notice_routes r on r.id = d.route_id
        where d.route_id = $1 and d.state = 'waiting' and d.due_at <= $2::timestamptz
          and r.enabled and (s.rests_until is null or s.rests_until <= $2::timestamptz)
          and not exists (
            select from deliveries o
            where o.route_id = $1 and o.line = d.line and o.state = 'waiting' and o.id < d.id and not o.is_test)
        order by d.due_at, d.id
        limit 1
      )sql",
      route, now);
  return rows.empty() ? std::nullopt : std::optional(rows[0][0].as<std::int64_t>());
}

}  // namespace

DueRoutes ReadDueRoutes::operator()(pqxx::work& transaction) const {
  DueRoutes due;
  const auto rows = transaction.exec_params(
      R"sql(
        select r.id
        from notice_routes r
        join notice_route_states s on s.route_id = r.id
        where not (r.id = any($1::bigint[])) and (
          exists (select from deliveries t where t.route_id = r.id and t.state = 'waiting' and t.is_test)
          or (r.enabled and (s.rests_until is null or s.rests_until <= $2::timestamptz)
            and exists (
              select from deliveries d
              where d.route_id = r.id and d.state = 'waiting' and d.due_at <= $2::timestamptz)))
      )sql",
      pg_array(under_way), now);
  due.routes = ids_of(rows);
  const auto row = transaction.exec1(R"sql(
    select (select coalesce(sum(waiting), 0) from notice_route_states)::bigint as waiting,
      least((select min(waits_since) from deliveries where state = 'waiting'),
        (select e.at from untold_events u join events e on e.id = u.event_id order by u.event_id limit 1)) as oldest
  )sql");
  due.waiting = row["waiting"].as<std::int64_t>();
  due.oldest = optional_of<Instant>(row["oldest"]);
  return due;
}

std::optional<ReadNext::Next> ReadNext::operator()(pqxx::work& transaction) const {
  auto id = first_test(transaction, route);
  if (!id) id = first_due(transaction, route, now);
  if (!id) return std::nullopt;
  // From now on nothing joins it: whoever adds an event holds the row's lock.
  transaction.exec_params0("update deliveries set gathers = false where id = $1 and gathers", *id);
  const auto stored = ReadRoute{route}(transaction);
  auto delivery = load_delivery(transaction, *id);
  if (!stored || !delivery) return std::nullopt;
  Next next{*stored, {std::move(*delivery), load_told(transaction, *id, most_events_of_one)}, 0};
  next.failures = transaction.exec_params1("select failures from notice_route_states where route_id = $1", route)[0]
                      .as<std::int64_t>();
  return next;
}

namespace {

void append_attempt(pqxx::work& transaction, const WriteAttempt& write) {
  const SendOutcome& outcome = write.outcome;
  transaction.exec_params0(
      R"sql(
        insert into delivery_attempts (delivery_id, at, took_ms, delivered, status, answer, error)
        values ($1, $2::timestamptz, $3, $4, $5, $6, $7)
      )sql",
      write.delivery.id, write.now, outcome.took.count(), outcome.delivered, outcome.status, outcome.answer,
      outcome.error);
  transaction.exec_params0(
      R"sql(
        delete from delivery_attempts
        where delivery_id = $1 and id <= (
          select id from delivery_attempts where delivery_id = $1 order by id desc offset $2 limit 1)
      )sql",
      write.delivery.id, most_attempts_kept);
}

void note_of_route(pqxx::work& transaction, const WriteAttempt& write) {
  if (write.outcome.delivered) {
    transaction.exec_params0(
        R"sql(
          update notice_route_states
          set failures = 0, rests_until = null, last_error = ''
          where route_id = $1 and (failures > 0 or last_error <> '')
        )sql",
        write.delivery.route);
  } else {
    transaction.exec_params0(
        R"sql(
          update notice_route_states
          set failures = failures + case when $2::timestamptz is null then 0 else 1 end,
            rests_until = coalesce($2::timestamptz, rests_until), last_error = $3
          where route_id = $1
        )sql",
        write.delivery.route, write.after.rests_until, write.outcome.error);
  }
}

void end_delivered(pqxx::work& transaction, const WriteAttempt& write) {
  const auto ended = transaction.exec_params(
      R"sql(
        update deliveries
        set state = 'delivered', ended_at = $2::timestamptz, last_error = ''
        where id = $1 and state = 'waiting'
        returning bytes
      )sql",
      write.delivery.id, write.now);
  if (ended.empty()) return;
  transaction.exec_params0(
      R"sql(
        update notice_route_states
        set waiting = waiting - 1, waiting_bytes = waiting_bytes - $2
        where route_id = $1
      )sql",
      write.delivery.route, ended[0][0].as<std::int64_t>());
}

void remember_told_alert(pqxx::work& transaction, std::int64_t route, const ToldEvent& told, Instant now) {
  const auto alert = told.alert();
  if (!alert) return;
  if (told.event.kind == "alert.resolved") {
    transaction.exec_params0("delete from told_alerts where route_id = $1 and alert_id = $2", route, *alert);
    return;
  }
  transaction.exec_params0(
      R"sql(
        insert into told_alerts (route_id, alert_id, event, told_at)
        select $1, a.id, $3::jsonb, $4::timestamptz
        from alerts a
        where a.id = $2 and a.state <> 'resolved'
        on conflict (route_id, alert_id) do update set told_at = excluded.told_at
      )sql",
      route, *alert, told.to_json().dump(), now);
}

}  // namespace

void WriteAttempt::operator()(pqxx::work& transaction) const {
  const auto counted = transaction.exec_params(
      R"sql(
        update deliveries
        set attempts = attempts + 1, due_at = coalesce($2::timestamptz, due_at), last_error = $3
        where id = $1
      )sql",
      delivery.id, after.next, outcome.error);
  if (counted.affected_rows() == 0) return;  // its route was deleted meanwhile
  append_attempt(transaction, *this);
  note_of_route(transaction, *this);
  if (after.state == DeliveryState::delivered) end_delivered(transaction, *this);
  if (after.state == DeliveryState::given_up) give_up(transaction, {delivery.id}, outcome.error, now);
  for (const ToldEvent& told : told_alerts) remember_told_alert(transaction, delivery.route, told, now);
}

std::vector<StoredRoute> ReadAlertmanagers::operator()(pqxx::work& transaction) const {
  // What has ended, or is gone with its device, is not told again.
  transaction.exec0(R"sql(
    delete from told_alerts t using alerts a where a.id = t.alert_id and a.state = 'resolved'
  )sql");
  std::set<std::int64_t> due;
  for (const auto& row : transaction.exec_params(
           "select distinct route_id from told_alerts where told_at < $1::timestamptz", told_before))
    due.insert(row[0].as<std::int64_t>());
  std::vector<StoredRoute> routes;
  if (due.empty()) return routes;
  for (StoredRoute& stored : load_routes(transaction)) {
    const RouteSettings& settings = stored.route.settings;
    const bool takes = settings.enabled && settings.target.kind == TargetKind::alertmanager;
    if (takes && due.contains(stored.route.id)) routes.push_back(std::move(stored));
  }
  return routes;
}

std::vector<ToldEvent> ReadToldAlerts::operator()(pqxx::work& transaction) const {
  std::vector<ToldEvent> events;
  const auto rows = transaction.exec_params(
      R"sql(
        select event
        from told_alerts
        where route_id = $1 and told_at < $2::timestamptz
        order by told_at
        limit $3
      )sql",
      route, told_before, most_told_again);
  for (const auto& row : rows) events.push_back(told_event_of(json_or_null(row[0].as<std::string>())));
  return events;
}

void WriteToldAgain::operator()(pqxx::work& transaction) const {
  transaction.exec_params0(
      R"sql(
        update told_alerts
        set told_at = $3::timestamptz
        where route_id = $1 and alert_id in (select unnest($2::bigint[]))
      )sql",
      route, pg_array(alerts), now);
}

}  // namespace argosy::server

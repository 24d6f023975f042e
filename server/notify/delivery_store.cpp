#include "server/notify/delivery_store.hpp"

#include <map>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/notify/delivery_rows_store.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::int64_t most_counted = 10'000;

// What each tells of the alert.
void add_kinds(pqxx::work& transaction, std::int64_t alert, std::vector<Delivery>& deliveries) {
  std::map<std::int64_t, Delivery*> by_id;
  for (Delivery& delivery : deliveries) by_id[delivery.id] = &delivery;
  for (const auto& row : transaction.exec_params(
           "select delivery_id, event ->> 'kind' from delivery_events where alert_id = $1 order by delivery_id, place",
           alert)) {
    const auto found = by_id.find(row[0].as<std::int64_t>());
    if (found != by_id.end()) found->second->kinds.push_back(row[1].as<std::string>());
  }
}

}  // namespace

Result<Delivery> SendTest::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(const StoredRoute stored, ReadRoute{route}(transaction));
  if (first_test(transaction, route))
    return make_error(Errc::illegal_transition, "a test of this route is under way; wait for what comes of it");
  const ToldEvent event = test_event(stored.route.settings.name, actor, now);
  const std::string text = event.to_json().dump();
  const auto id = transaction
                      .exec_params1(
                          R"sql(
        insert into deliveries (key, route_id, line, state, severity, title, events, bytes, is_test, created_at,
          waits_since, due_at)
        values ($1, $2, 'notice test', 'waiting', 'info', $3, 1, $4, true, $5::timestamptz, $5::timestamptz,
          $5::timestamptz)
        returning id
      )sql",
                          make_delivery_key(), route, event.event.message, text.size(), now)[0]
                      .as<std::int64_t>();
  transaction.exec_params0("insert into delivery_events (delivery_id, place, event) values ($1, 0, $2::jsonb)", id,
                           text);
  transaction.exec_params0(
      R"sql(
        update notice_route_states
        set waiting = waiting + 1, waiting_bytes = waiting_bytes + $2
        where route_id = $1
      )sql",
      route, text.size());
  append_audit(transaction, actor, "route.test", "route/" + std::to_string(route), json{{"delivery", id}}.dump());
  return load_delivery(transaction, id);
}

Result<Delivery> Redeliver::operator()(pqxx::work& transaction) const {
  const auto locked =
      transaction.exec_params("select route_id, state, bytes from deliveries where id = $1 for update", id);
  if (locked.empty()) return make_error(Errc::not_found, "there is no delivery " + std::to_string(id));
  const auto route = locked[0]["route_id"].as<std::int64_t>();
  const bool waited = enum_of(locked[0]["state"], parse_delivery_state) == DeliveryState::waiting;
  transaction.exec_params0(
      R"sql(
        update deliveries
        set state = 'waiting', attempts = 0, waits_since = $2::timestamptz, due_at = $2::timestamptz, ended_at = null
        where id = $1
      )sql",
      id, now);
  // It is asked for because the receiver is back, as far as people know.
  transaction.exec_params0(
      R"sql(
        update notice_route_states
        set waiting = waiting + $2, waiting_bytes = waiting_bytes + $3, rests_until = null
        where route_id = $1
      )sql",
      route, waited ? 0 : 1, waited ? 0 : locked[0]["bytes"].as<std::int64_t>());
  append_audit(transaction, actor, "delivery.redeliver", "delivery/" + std::to_string(id),
               json{{"route", route}}.dump());
  return load_delivery(transaction, id);
}

DeliveryPage ReadDeliveries::operator()(pqxx::work& transaction) const {
  const std::string filter = R"sql(
    ($1::bigint is null or d.route_id = $1) and ($2::text is null or d.state = $2)
    and ($3::bigint is null or d.id in (select delivery_id from delivery_events where alert_id = $3))
  )sql";
  const auto state = query.state ? std::optional(std::string(to_string(*query.state))) : std::nullopt;
  DeliveryPage page;
  page.total =
      transaction
          .exec_params1("select count(*) from (select 1 from deliveries d where " + filter + " limit $4) as counted",
                        query.route, state, query.alert, most_counted)[0]
          .as<std::int64_t>();
  const auto rows = transaction.exec_params("select " + delivery_columns + R"sql(
      from deliveries d
      join notice_routes r on r.id = d.route_id
      where )sql" + filter + R"sql( and ($4::bigint is null or d.id < $4)
      order by d.id desc
      limit $5
    )sql",
                                            query.route, state, query.alert, query.before, query.limit);
  for (const auto& row : rows) page.items.push_back(delivery_of(row));
  if (query.alert) add_kinds(transaction, *query.alert, page.items);
  return page;
}

Result<AlertTelling> ReadTelling::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        select state, inhibited_by, silenced_by, told_at is not null as was_told, exists (
            select
            from untold_events u
            join events e on e.id = u.event_id
            where starts_with(e.kind, 'alert.') and e.details -> 'alert' = to_jsonb(a.id)
          ) as waits
        from alerts a
        where id = $1
      )sql",
      alert);
  if (rows.empty()) return make_error(Errc::not_found, "there is no alert " + std::to_string(alert));
  const DeliveryQuery query{.alert = alert, .limit = most_deliveries_of_alert};
  DeliveryPage found = ReadDeliveries{query}(transaction);
  AlertTelling telling{std::move(found.items), found.total, {}};
  if (telling.deliveries.empty())
    telling.untold = {rows[0]["state"].as<std::string>(), optional_of<std::int64_t>(rows[0]["inhibited_by"]),
                      optional_of<std::int64_t>(rows[0]["silenced_by"]), rows[0]["was_told"].as<bool>(),
                      rows[0]["waits"].as<bool>()};
  return telling;
}

Result<DeliveryInFull> ReadDelivery::operator()(pqxx::work& transaction) const {
  DeliveryInFull whole;
  ARGOSY_TRY(whole.delivery, load_delivery(transaction, id));
  whole.events = load_told(transaction, id, most_events_shown);
  const auto rows = transaction.exec_params(
      R"sql(
        select at, took_ms, delivered, status, answer, error
        from delivery_attempts
        where delivery_id = $1
        order by id desc
        limit $2
      )sql",
      id, most_attempts_kept);
  for (const auto& row : rows) {
    whole.attempts.push_back({row["at"].as<Instant>(), row["took_ms"].as<std::int64_t>(), row["delivered"].as<bool>(),
                              optional_of<std::int64_t>(row["status"]), row["answer"].as<std::string>(),
                              row["error"].as<std::string>()});
  }
  return whole;
}

}  // namespace argosy::server

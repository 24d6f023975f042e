// Makes deliveries of the events that wait to be told, and gives up what has waited too long or finds no room.
#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"
#include "server/notify/delivery_rows_store.hpp"
#include "server/notify/delivery_store.hpp"
#include "server/notify/giving_up_store.hpp"
#include "server/notify/told_events_store.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::int64_t most_given_up_at_once = 500;

// The oldest make room.
std::size_t give_up_overflow(pqxx::work& transaction, std::int64_t route, const WaitingLimits& limits, Instant now) {
  const auto row =
      transaction.exec_params1("select waiting, waiting_bytes from notice_route_states where route_id = $1", route);
  const std::int64_t too_many = row[0].as<std::int64_t>() - limits.deliveries;
  const std::int64_t too_large = row[1].as<std::int64_t>() - limits.bytes;
  if (too_many <= 0 && too_large <= 0) return 0;
  const auto oldest = transaction.exec_params(
      R"sql(
        select id
        from (
          select id, row_number() over (order by id) as place, sum(bytes) over (order by id) - bytes as before
          from deliveries
          where route_id = $1 and state = 'waiting'
        ) as line
        where place <= $2 or before < $3
        order by id
      )sql",
      route, std::max<std::int64_t>(too_many, 0), std::max<std::int64_t>(too_large, 0));
  return give_up(transaction, ids_of(oldest), "too many wait for its receiver, and the oldest made room", now);
}

// -- Events ----------------------------------------------------------------------------------------------------------

std::vector<std::int64_t> take_ids(pqxx::work& transaction, std::size_t at_once) {
  return ids_of(transaction.exec_params(
      R"sql(
        delete from untold_events
        where event_id in (select event_id from untold_events order by event_id limit $1 for update skip locked)
        returning event_id
      )sql",
      at_once));
}

std::vector<WantedEvent> wanted_of(const std::vector<StoredRoute>& routes, const std::vector<EventOfDevice>& events,
                                   const std::string& site_label) {
  std::vector<WantedEvent> wanted;
  for (const StoredRoute& stored : routes) {
    const RouteChoice choice(stored.route.settings, site_label);
    for (const EventOfDevice& one : events)
      if (choice.wants(one.told, one.device ? &*one.device : nullptr)) wanted.push_back({&stored.route, &one.told});
  }
  return wanted;
}

// -- Deliveries of events --------------------------------------------------------------------------------------------

// Locked: who reads one to send it waits, and finds what has joined.
std::map<GroupKey, OpenGroup> load_open_groups(pqxx::work& transaction, const std::vector<WantedEvent>& wanted,
                                               Instant now) {
  std::set<GroupKey> keys;
  for (const auto& [route, event] : wanted)
    if (route->settings.group_wait_s > 0) keys.emplace(route->id, line_of(route->settings, *event));
  std::map<GroupKey, OpenGroup> open;
  if (keys.empty()) return open;
  json asked = json::array();
  for (const auto& [route, line] : keys) asked.push_back({{"route", route}, {"line", line}});
  const auto rows = transaction.exec_params(
      R"sql(
        select d.id, d.route_id, d.line, d.events, d.bytes
        from jsonb_to_recordset($1::jsonb) as k(route bigint, line text)
        join deliveries d on d.route_id = k.route and d.line = k.line and d.state = 'waiting'
        where d.gathers and d.due_at > $2::timestamptz
        order by d.id
        for update of d
      )sql",
      asked.dump(), now);
  for (const auto& row : rows) {
    open[{row["route_id"].as<std::int64_t>(), row["line"].as<std::string>()}] = {
        row["id"].as<std::int64_t>(), row["events"].as<std::int64_t>(), row["bytes"].as<std::int64_t>()};
  }
  return open;
}

json row_of(const PlannedDelivery& planned, const std::string& key, Instant now) {
  return {{"key", key},
          {"route", planned.route},
          {"line", planned.line},
          {"severity", planned.severity},
          {"title", planned.title},
          {"events", planned.events.size()},
          {"bytes", planned.bytes},
          {"gathers", planned.due_at > now},
          {"due_at", to_rfc3339(planned.due_at)}};
}

// The numbers of new deliveries, by their keys.
std::map<std::string, std::int64_t> insert_new(pqxx::work& transaction, json rows, Instant now) {
  std::map<std::string, std::int64_t> ids;
  for (std::size_t place = 0; place < rows.size(); ++place) rows[place]["place"] = place;
  const auto made = transaction.exec_params(
      R"sql(
        insert into deliveries (key, route_id, line, state, severity, title, events, bytes, gathers, created_at,
          waits_since, due_at)
        select key, route, line, 'waiting', severity, title, events, bytes, gathers, $2::timestamptz, $2::timestamptz,
          due_at
        from jsonb_to_recordset($1::jsonb) as d(place int, key text, route bigint, line text, severity text, title text,
          events bigint, bytes bigint, gathers boolean, due_at timestamptz)
        order by place
        returning key, id
      )sql",
      rows.dump(), now);
  for (const auto& row : made) ids[row[0].as<std::string>()] = row[1].as<std::int64_t>();
  return ids;
}

void join_open(pqxx::work& transaction, const json& rows) {
  if (rows.empty()) return;
  transaction.exec_params0(
      R"sql(
        update deliveries d
        set events = d.events + j.events, bytes = d.bytes + j.bytes,
          severity = case when 'critical' in (d.severity, j.severity) then 'critical'
            when 'warning' in (d.severity, j.severity) then 'warning' else 'info' end
        from jsonb_to_recordset($1::jsonb) as j(id bigint, events bigint, bytes bigint, severity text)
        where d.id = j.id
      )sql",
      rows.dump());
}

void insert_events(pqxx::work& transaction, const json& rows) {
  transaction.exec_params0(
      R"sql(
        insert into delivery_events (delivery_id, place, event)
        select delivery, place, event
        from jsonb_to_recordset($1::jsonb) as e(delivery bigint, place bigint, event jsonb)
      )sql",
      rows.dump());
}

void count_as_waiting(pqxx::work& transaction, const std::vector<PlannedDelivery>& planned) {
  std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> more;  // deliveries and bytes
  for (const PlannedDelivery& one : planned) {
    more[one.route].first += one.joins ? 0 : 1;
    more[one.route].second += one.bytes;
  }
  for (const auto& [route, sizes] : more)
    transaction.exec_params0(
        R"sql(
          update notice_route_states
          set waiting = waiting + $2, waiting_bytes = waiting_bytes + $3
          where route_id = $1
        )sql",
        route, sizes.first, sizes.second);
}

void write_planned(pqxx::work& transaction, const std::vector<PlannedDelivery>& planned,
                   const std::map<GroupKey, OpenGroup>& open, Instant now) {
  json fresh = json::array(), joining = json::array(), events = json::array();
  std::vector<std::string> keys;
  for (const PlannedDelivery& one : planned) {
    keys.push_back(one.joins ? std::string() : make_delivery_key());
    if (one.joins) {
      joining.push_back(
          {{"id", *one.joins}, {"events", one.events.size()}, {"bytes", one.bytes}, {"severity", one.severity}});
    } else {
      fresh.push_back(row_of(one, keys.back(), now));
    }
  }
  const auto ids = insert_new(transaction, std::move(fresh), now);
  join_open(transaction, joining);
  for (std::size_t at = 0; at < planned.size(); ++at) {
    const PlannedDelivery& one = planned[at];
    const std::int64_t id = one.joins ? *one.joins : ids.at(keys[at]);
    std::int64_t place = one.joins ? open.at({one.route, one.line}).events : 0;
    for (const json& event : one.events) events.push_back({{"delivery", id}, {"place", place++}, {"event", event}});
  }
  insert_events(transaction, events);
  count_as_waiting(transaction, planned);
}

}  // namespace

TakenEvents TakeUntold::operator()(pqxx::work& transaction) const {
  TakenEvents taken;
  const auto ids = take_ids(transaction, at_once);
  taken.events = ids.size();
  if (ids.empty()) return taken;
  const auto routes = load_routes(transaction);
  const bool filters = std::any_of(routes.begin(), routes.end(),
                                   [](const StoredRoute& one) { return !one.route.settings.filter.empty(); });
  const auto events = load_told_events(transaction, ids, site_label, filters);
  const auto wanted = wanted_of(routes, events, site_label);
  if (wanted.empty()) return taken;
  const auto open = load_open_groups(transaction, wanted, now);
  const auto planned = plan_deliveries(wanted, open, now);
  write_planned(transaction, planned, open, now);
  taken.deliveries = planned.size();
  std::set<std::int64_t> touched;
  for (const PlannedDelivery& one : planned) touched.insert(one.route);
  for (const std::int64_t route : touched) taken.given_up += give_up_overflow(transaction, route, limits, now);
  return taken;
}

std::size_t GiveUpOld::operator()(pqxx::work& transaction) const {
  const auto old = transaction.exec_params(
      R"sql(
        select id
        from deliveries
        where state = 'waiting' and waits_since < $1::timestamptz
        order by waits_since
        limit $2
      )sql",
      now - give_up_after, most_given_up_at_once);
  return give_up(transaction, ids_of(old), "its receiver did not take it in time", now);
}

}  // namespace argosy::server

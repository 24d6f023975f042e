#include "server/notify/delivery_store.hpp"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "common/base/encoding.hpp"
#include "common/base/random.hpp"
#include "common/base/sql_words.hpp"
#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::int64_t most_given_up_at_once = 500;
constexpr std::int64_t most_counted = 10'000;
constexpr std::int64_t most_told_again = 500;
constexpr std::size_t key_bytes = 18;

std::string make_key() {
  return "msg_" + to_base64url(secure_random(key_bytes));
}

// -- Giving up -------------------------------------------------------------------------------------------------------

struct GivenUp {
  std::int64_t deliveries = 0;
  std::int64_t bytes = 0;
  std::int64_t first = 0;
  bool of_notices_alone = true;
};

// What is told of messages that were given up would make more of them, so it makes no event of its own.
void announce_given_up(pqxx::work& transaction, std::int64_t route, const GivenUp& given_up,
                       const std::string& reason) {
  if (given_up.of_notices_alone) return;
  const auto name =
      transaction.exec_params1("select name from notice_routes where id = $1", route)[0].as<std::string>();
  const std::string count = given_up.deliveries == 1 ? "A message" : std::to_string(given_up.deliveries) + " messages";
  append_event(transaction, {.kind = std::string(given_up_kind),
                             .severity = "warning",
                             .device_id = std::nullopt,
                             .rollout_id = std::nullopt,
                             .model = std::nullopt,
                             .message = count + " to the route " + name + (given_up.deliveries == 1 ? " is" : " are") +
                                        " given up: " + reason,
                             .details_json = json{
                                 {"route_id", route},
                                 {"route", name},
                                 {"deliveries", given_up.deliveries},
                                 {"first_delivery", given_up.first},
                                 {"reason",
                                  reason}}.dump()});
}

std::size_t give_up(pqxx::work& transaction, const std::vector<std::int64_t>& ids, const std::string& reason,
                    Instant now) {
  if (ids.empty()) return 0;
  static const std::string sql = "update deliveries set state = " + sql_word(DeliveryState::given_up) + R"sql(,
      ended_at = $2::timestamptz, gathers = false, last_error = $3
    where id in (select unnest($1::bigint[])) and state = )sql" +
                                 sql_word(DeliveryState::waiting) + R"sql(
    returning id, route_id, bytes, starts_with(line, 'notice') as of_notices
  )sql";
  std::map<std::int64_t, GivenUp> by_route;
  const auto rows = transaction.exec_params(sql, pg_array(ids), now, reason);
  for (const auto& row : rows) {
    GivenUp& of_route = by_route[row["route_id"].as<std::int64_t>()];
    const auto id = row["id"].as<std::int64_t>();
    if (of_route.deliveries++ == 0 || id < of_route.first) of_route.first = id;
    of_route.bytes += row["bytes"].as<std::int64_t>();
    of_route.of_notices_alone = of_route.of_notices_alone && row["of_notices"].as<bool>();
  }
  for (const auto& [route, given_up] : by_route) {
    transaction.exec_params0(
        R"sql(
          update notice_route_states
          set waiting = waiting - $2, waiting_bytes = waiting_bytes - $3
          where route_id = $1
        )sql",
        route, given_up.deliveries, given_up.bytes);
    announce_given_up(transaction, route, given_up, reason);
  }
  return rows.size();
}

std::vector<std::int64_t> ids_of(const pqxx::result& rows) {
  std::vector<std::int64_t> ids;
  for (const auto& row : rows) ids.push_back(row[0].as<std::int64_t>());
  return ids;
}

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

struct EventOfDevice {
  ToldEvent told;
  std::optional<Device> device;
};

std::optional<Device> device_in(const pqxx::row& row) {
  if (row["hardware_class"].is_null()) return std::nullopt;
  Device device;
  device.id = DeviceId(row["device_id"].as<std::string>());
  device.hardware_class = row["hardware_class"].as<std::string>();
  device.labels = decode_labels(row["labels"].as<std::string>());
  device.capabilities_json = row["capabilities"].as<std::string>();
  device.agent_version = row["agent_version"].as<std::string>("");
  if (!row["presence"].is_null()) device.presence = enum_of(row["presence"], parse_presence);
  device.intermittent_until = optional_of<Instant>(row["intermittent_until"]);
  return device;
}

EventOfDevice event_in(const pqxx::row& row) {
  EventOfDevice one;
  Event& event = one.told.event;
  event.position.id = row["id"].as<std::int64_t>();
  event.at = row["at"].as<Instant>();
  event.kind = row["kind"].as<std::string>();
  event.severity = row["severity"].as<std::string>();
  event.device = optional_of<std::string>(row["device_id"]);
  event.rollout = optional_of<std::int64_t>(row["rollout_id"]);
  event.model = optional_of<std::string>(row["model"]);
  event.message = row["message"].as<std::string>();
  event.details_json = row["details"].as<std::string>();
  one.told.site = row["site"].as<std::string>("");
  one.told.alert_severity = row["alert_severity"].as<std::string>("");
  one.device = device_in(row);
  if (one.device) one.told.labels = one.device->labels;
  return one;
}

std::vector<EventOfDevice> load_events(pqxx::work& transaction, const std::vector<std::int64_t>& ids,
                                       const std::string& site_label) {
  std::vector<EventOfDevice> events;
  const auto rows = transaction.exec_params(
      R"sql(
        select e.id, e.at, e.kind, e.severity, e.device_id, e.rollout_id, e.model, e.message, e.details,
          coalesce(d.labels ->> $2, e.details ->> 'site') as site, a.severity as alert_severity,
          d.hardware_class, d.labels, d.capabilities, s.agent_version, s.presence, s.intermittent_until
        from events e
        left join devices d on d.id = e.device_id
        left join device_state s on s.device_id = d.id
        left join alerts a on starts_with(e.kind, 'alert.')
          and a.id = case when jsonb_typeof(e.details -> 'alert') = 'number' then (e.details ->> 'alert')::bigint end
        where e.id in (select unnest($1::bigint[]))
        order by e.id
      )sql",
      pg_array(ids), site_label);
  for (const auto& row : rows) events.push_back(event_in(row));
  return events;
}

// What filters by model ask for.
void add_models(pqxx::work& transaction, std::vector<EventOfDevice>& events) {
  std::map<std::string, std::vector<InstalledModel>> models;
  std::set<std::string> devices;
  for (const EventOfDevice& one : events)
    if (one.device) devices.insert(one.device->id.value());
  const auto rows = transaction.exec_params(
      R"sql(
        select device_id, model, version
        from device_models
        where device_id in (select unnest($1::text[]))
      )sql",
      pg_array(devices));
  for (const auto& row : rows) {
    InstalledModel model;
    model.model = row["model"].as<std::string>();
    model.version = row["version"].as<std::string>("");
    models[row["device_id"].as<std::string>()].push_back(std::move(model));
  }
  for (EventOfDevice& one : events)
    if (one.device) one.device->models = models[one.device->id.value()];
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
    keys.push_back(one.joins ? std::string() : make_key());
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

// -- Rows ------------------------------------------------------------------------------------------------------------

const std::string delivery_columns = R"sql(
  d.id, d.key, d.route_id, r.name as route_name, d.line, d.state, d.severity, d.title, d.events, d.bytes, d.is_test,
  d.attempts, d.created_at, d.waits_since, d.due_at, d.ended_at, d.last_error
)sql";

Delivery delivery_of(const pqxx::row& row) {
  Delivery delivery;
  delivery.id = row["id"].as<std::int64_t>();
  delivery.key = row["key"].as<std::string>();
  delivery.route = row["route_id"].as<std::int64_t>();
  delivery.route_name = row["route_name"].as<std::string>();
  delivery.line = row["line"].as<std::string>();
  delivery.state = enum_of(row["state"], parse_delivery_state);
  delivery.severity = row["severity"].as<std::string>();
  delivery.title = row["title"].as<std::string>();
  delivery.events = row["events"].as<std::int64_t>();
  delivery.bytes = row["bytes"].as<std::int64_t>();
  delivery.is_test = row["is_test"].as<bool>();
  delivery.attempts = row["attempts"].as<std::int64_t>();
  delivery.created_at = row["created_at"].as<Instant>();
  delivery.waits_since = row["waits_since"].as<Instant>();
  delivery.due_at = row["due_at"].as<Instant>();
  delivery.ended_at = optional_of<Instant>(row["ended_at"]);
  delivery.last_error = row["last_error"].as<std::string>();
  return delivery;
}

Result<Delivery> load_delivery(pqxx::work& transaction, std::int64_t id) {
  const auto rows = transaction.exec_params("select " + delivery_columns + R"sql(
    from deliveries d join notice_routes r on r.id = d.route_id where d.id = $1
  )sql",
                                            id);
  if (rows.empty()) return make_error(Errc::not_found, "there is no delivery " + std::to_string(id));
  return delivery_of(rows[0]);
}

std::vector<ToldEvent> load_told(pqxx::work& transaction, std::int64_t delivery, std::int64_t most) {
  std::vector<ToldEvent> events;
  const auto rows = transaction.exec_params(
      "select event from delivery_events where delivery_id = $1 order by place limit $2", delivery, most);
  for (const auto& row : rows) events.push_back(told_event_of(json_or_null(row[0].as<std::string>())));
  return events;
}

std::optional<std::int64_t> first_test(pqxx::work& transaction, std::int64_t route) {
  const auto rows = transaction.exec_params(
      "select id from deliveries where route_id = $1 and state = 'waiting' and is_test order by id limit 1", route);
  return rows.empty() ? std::nullopt : std::optional(rows[0][0].as<std::int64_t>());
}

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

TakenEvents TakeUntold::operator()(pqxx::work& transaction) const {
  TakenEvents taken;
  const auto ids = take_ids(transaction, at_once);
  taken.events = ids.size();
  if (ids.empty()) return taken;
  const auto routes = load_routes(transaction);
  auto events = load_events(transaction, ids, site_label);
  const bool filters = std::any_of(routes.begin(), routes.end(),
                                   [](const StoredRoute& one) { return !one.route.settings.filter.empty(); });
  if (filters) add_models(transaction, events);
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
                          make_key(), route, event.event.message, text.size(), now)[0]
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
  const std::string filter = "($1::bigint is null or d.route_id = $1) and ($2::text is null or d.state = $2)";
  const auto state = query.state ? std::optional(std::string(to_string(*query.state))) : std::nullopt;
  DeliveryPage page;
  page.total =
      transaction
          .exec_params1("select count(*) from (select 1 from deliveries d where " + filter + " limit $3) as counted",
                        query.route, state, most_counted)[0]
          .as<std::int64_t>();
  const auto rows = transaction.exec_params("select " + delivery_columns + R"sql(
      from deliveries d
      join notice_routes r on r.id = d.route_id
      where )sql" + filter + R"sql( and ($3::bigint is null or d.id < $3)
      order by d.id desc
      limit $4
    )sql",
                                            query.route, state, query.before, query.limit);
  for (const auto& row : rows) page.items.push_back(delivery_of(row));
  return page;
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

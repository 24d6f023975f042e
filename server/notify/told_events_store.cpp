#include "server/notify/told_events_store.hpp"

#include <map>
#include <set>

#include "server/db/rows.hpp"
#include "server/devices/device.hpp"
#include "server/events/event_rows_store.hpp"

namespace argosy::server {
namespace {

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
  one.told.event = event_of(row);
  one.told.site = row["site"].as<std::string>("");
  one.told.alert_severity = row["alert_severity"].as<std::string>("");
  one.device = device_in(row);
  if (one.device) one.told.labels = one.device->labels;
  return one;
}

std::vector<EventOfDevice> load_events(pqxx::work& transaction, const std::vector<std::int64_t>& ids,
                                       const std::string& site_label) {
  std::vector<EventOfDevice> events;
  const auto rows = transaction.exec_params(std::string("select ") + event_columns + R"sql(
        , coalesce(d.labels ->> $2, e.details ->> 'site') as site, a.severity as alert_severity,
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

}  // namespace

std::vector<EventOfDevice> load_told_events(pqxx::work& transaction, const std::vector<std::int64_t>& ids,
                                            const std::string& site_label, bool with_models) {
  auto events = load_events(transaction, ids, site_label);
  if (with_models) add_models(transaction, events);
  return events;
}

}  // namespace argosy::server

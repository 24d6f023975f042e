#include "server/devices/device_store.hpp"

#include <map>

#include "common/base/sql_words.hpp"
#include "common/json/json_reader.hpp"
#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"
#include "server/db/time_zones.hpp"
#include "server/devices/device_rows.hpp"
#include "server/devices/ended_certificates_store.hpp"
#include "server/devices/filter_sql.hpp"
#include "server/devices/fleet_counts_store.hpp"
#include "server/devices/presence_sql.hpp"
#include "server/devices/replacement_rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

constexpr std::int64_t counted_up_to = 10'000;

Error no_such_device(const DeviceId& id) {
  return make_error(Errc::not_found, "there is no device '" + shortened(id.value()) + "'");
}

const std::string select_device = R"sql(
  select d.id, d.hardware_class, d.labels, d.capabilities, coalesce(s.agent_version, '') as agent_version,
    coalesce(s.presence, )sql" + sql_word(Presence::never_seen) +
                                  R"sql() as presence, s.presence_since,
    case when heard.seen_at < w.watching_since and s.presence_since < w.watching_since and )sql" +
                                  reachable_sql("s") + " then " + sql_word(PresenceCause::restart_grace) +
                                  R"sql( else s.presence_cause end as presence_cause,
    coalesce(s.presence_reason, '') as presence_reason, s.intermittent_until, heard.seen_at, d.enrolled_at, d.revoked_at,
    d.certificate_not_after, coalesce(d.suggested::text, '') as suggested, coalesce(s.health, '{}') as health, s.health_at, coalesce(s.report, '{}') as report,
    (
      select coalesce(jsonb_agg(jsonb_build_array(m.model, coalesce(m.version, ''), coalesce(m.digest, ''),
          coalesce(m.previous_version, ''), coalesce(m.previous_digest, ''), m.update_state,
          coalesce(m.update_version, '')) order by m.model), '[]')
      from device_models m
      where m.device_id = d.id
    ) as models,
    (
      select array_agg(distinct t.feature order by t.feature)
      from drift_state t
      where t.device_id = d.id and t.drifted
    ) as drifted,
    (select count(*) from alerts a where a.device_id = d.id and a.state = 'firing') as open_alerts
  from devices d
  left join device_state s on s.device_id = d.id
  left join presence_watch w on w.only_row
  left join lateral (
    select greatest(s.last_seen_at, max(c.received_at)) as seen_at
    from telemetry_cursors c
    where c.device_id = d.id
  ) heard on true
)sql";

InstalledModel model_of(const Json& columns) {
  return {columns[0], columns[1], columns[2], columns[3], columns[4], columns[5], columns[6]};
}

Device device_of(const pqxx::row& row) {
  Device device;
  device.id = DeviceId{row["id"].as<std::string>()};
  device.hardware_class = row["hardware_class"].as<std::string>();
  device.labels = labels_of(row["labels"]);
  device.capabilities_json = row["capabilities"].as<std::string>();
  device.agent_version = row["agent_version"].as<std::string>();
  device.presence = enum_of(row["presence"], parse_presence);
  device.enrolled_at = row["enrolled_at"].as<Instant>();
  device.presence_since = optional_of<Instant>(row["presence_since"]).value_or(device.enrolled_at);
  if (!row["presence_cause"].is_null()) device.presence_cause = enum_of(row["presence_cause"], parse_presence_cause);
  device.presence_reason = row["presence_reason"].as<std::string>();
  device.intermittent_until = optional_of<Instant>(row["intermittent_until"]);
  device.last_seen_at = optional_of<Instant>(row["seen_at"]);
  device.revoked_at = optional_of<Instant>(row["revoked_at"]);
  device.certificate_not_after = optional_of<Instant>(row["certificate_not_after"]);
  device.health_json = row["health"].as<std::string>();
  device.health_at = optional_of<Instant>(row["health_at"]);
  device.report_json = row["report"].as<std::string>();
  device.suggested_json = row["suggested"].as<std::string>();
  for (const Json& columns : json_or_null(row["models"].as<std::string>())) device.models.push_back(model_of(columns));
  device.drifted = texts_of(row["drifted"]);
  device.open_alerts = row["open_alerts"].as<std::int64_t>();
  return device;
}

// Those that ask now, for the devices that are shown.
void add_replacements(pqxx::work& transaction, std::vector<Device>& devices) {
  std::map<std::string, Device*> shown;
  std::vector<std::string> ids;
  for (Device& device : devices) {
    shown[device.id.value()] = &device;
    ids.push_back(device.id.value());
  }
  for (const pqxx::row& row : transaction.exec_params(
           select_replacement + "where r.device_id = any($1::text[]) and r.expires_at > now()", pg_array(ids))) {
    Replacement asking = replacement_of(row);
    shown.at(asking.device.value())->replacement = std::move(asking);
  }
}

Result<Device> select_one(pqxx::work& transaction, const DeviceId& id) {
  const pqxx::result rows = transaction.exec_params(select_device + "where d.id = $1", id.value());
  if (rows.empty()) return no_such_device(id);
  std::vector<Device> found{device_of(rows[0])};
  add_replacements(transaction, found);
  return std::move(found.front());
}

}  // namespace

DevicePage ListDevices::operator()(pqxx::work& transaction) const {
  DevicePage page;
  if (matches_nobody(transaction, query.filter)) return page;
  const SqlCondition condition = to_sql(query.filter, 1);
  const std::vector<std::string> ids = select_ids(transaction, condition);
  const bool is_last = ids.size() <= query.limit;
  for (const pqxx::row& row : transaction.exec_params(
           select_device + "where d.id = any($1::text[]) order by d.id limit $2", pg_array(ids), query.limit))
    page.items.push_back(device_of(row));
  add_replacements(transaction, page.items);
  if (!is_last) page.next_after = page.items.back().id;
  const bool is_all_there_is = is_last && !query.after;
  page.total = is_all_there_is ? static_cast<std::int64_t>(ids.size()) : count(transaction, condition);
  return page;
}

std::string ListDevices::matching(const SqlCondition& condition) {
  return "from devices d left join device_state s on s.device_id = d.id where d.revoked_at is null and " +
         condition.text;
}

// One more than the page holds, when there are more.
std::vector<std::string> ListDevices::select_ids(pqxx::work& transaction, const SqlCondition& condition) const {
  const auto next = condition.parameters.size() + 1;
  const pqxx::result rows =
      transaction.exec_params("select d.id " + matching(condition) + " and d.id > $" + std::to_string(next) +
                                  " order by d.id limit $" + std::to_string(next + 1),
                              pqxx::prepare::make_dynamic_params(condition.parameters),
                              query.after ? query.after->value() : std::string(), query.limit + 1);
  std::vector<std::string> ids;
  for (const pqxx::row& row : rows) ids.push_back(row[0].as<std::string>());
  return ids;
}

std::int64_t ListDevices::count(pqxx::work& transaction, const SqlCondition& condition) const {
  if (const auto known = count_by_totals(transaction, query.filter)) return *known;
  return transaction
      .exec_params1("select count(*) from (select 1 " + matching(condition) + " limit " +
                        std::to_string(counted_up_to) + ") as counted",
                    pqxx::prepare::make_dynamic_params(condition.parameters))[0]
      .as<std::int64_t>();
}

Result<Device> GetDevice::operator()(pqxx::work& transaction) const {
  return select_one(transaction, id);
}

namespace {

// Rollouts go by it: server/rollouts/core/maintenance_window.hpp.
Result<void> check_time_zone(pqxx::work& transaction, const LabelPatch& patch) {
  const auto zone = patch.find("time_zone");
  if (zone == patch.end() || !zone->second || is_time_zone(transaction, *zone->second)) return {};
  return field_error("labels.time_zone", no_such_zone(*zone->second));
}

}  // namespace

Result<Device> PatchLabels::operator()(pqxx::work& transaction) const {
  const pqxx::result rows = transaction.exec_params(
      "select labels, revoked_at is not null from devices where id = $1 for update", id.value());
  if (rows.empty()) return no_such_device(id);
  if (rows[0][1].as<bool>())
    return make_error(Errc::conflict,
                      "the device '" + shortened(id.value()) + "' was revoked; its labels stay as they are");
  const Labels before = labels_of(rows[0][0]);
  ARGOSY_TRY(const Labels after, apply_patch(before, patch));
  ARGOSY_CHECK(check_time_zone(transaction, patch));
  if (after != before) {
    transaction.exec_params0("update devices set labels = $2::jsonb where id = $1", id.value(), labels_json(after));
    append_audit(transaction, actor, "device.label", "device/" + id.value(),
                 Json{{"before", before}, {"after", after}}.dump());
  }
  return select_one(transaction, id);
}

Result<void> RevokeDevice::operator()(pqxx::work& transaction) const {
  const pqxx::result rows =
      transaction.exec_params("select revoked_at is not null from devices where id = $1 for update", id.value());
  if (rows.empty()) return no_such_device(id);
  if (rows[0][0].as<bool>()) return {};
  end_all_certificates(transaction, id.value());
  transaction.exec_params0(
      R"sql(
        update devices
        set revoked_at = $2::timestamptz, next_fingerprint = null, next_serial = null, next_not_after = null,
          next_pem = null
        where id = $1
      )sql",
      id.value(), now);
  append_audit(transaction, actor, "device.revoke", "device/" + id.value());
  append_event(transaction, {.kind = "device.revoked",
                             .severity = "warning",
                             .device_id = id.value(),
                             .rollout_id = std::nullopt,
                             .model = std::nullopt,
                             .message = id.value() + " was revoked by " + actor});
  return {};
}

}  // namespace argosy::server

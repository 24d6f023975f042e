#include "server/rollouts/store/preview_store.hpp"

#include <limits>
#include <utility>

#include "server/db/rows.hpp"
#include "server/devices/filter.hpp"
#include "server/devices/filter_sql.hpp"
#include "server/devices/presence_sql.hpp"
#include "server/rollouts/guards/fleet_past_store.hpp"
#include "server/rollouts/store/canary_store.hpp"
#include "server/rollouts/store/earlier_store.hpp"
#include "server/rollouts/store/ready_patches_store.hpp"
#include "server/rollouts/store/release_rows_store.hpp"
#include "server/rollouts/store/rollout_store.hpp"

namespace argosy::server {
namespace {

constexpr int most_groups = 10'000;  // the largest first

std::vector<DeviceGroup> load_groups(pqxx::work& transaction, const Filter& filter, const NewRollout& wanted,
                                     Instant now) {
  const auto condition = to_sql(filter, 3);
  std::vector<std::string> parameters{wanted.model, to_rfc3339(now)};
  parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
  const auto rows = transaction.exec_params(R"sql(
        select d.hardware_class, d.capabilities, coalesce(m.version, '') as version, coalesce(m.digest, '') as digest,
          coalesce(m.previous_version, '') as previous_version, coalesce(m.previous_digest, '') as previous_digest,
          avg(s.download_bytes_per_s)::bigint as bytes_per_s,
          count(*) as devices, count(*) filter (where f.resting_until > $2::timestamptz) as resting,
          count(*) filter (where not coalesce()sql" +
                                                reachable_sql("s") + R"sql(, false)) as away
        from devices d
        left join device_state s on s.device_id = d.id
        left join device_models m on m.device_id = d.id and m.model = $1
        left join device_failures f on f.device_id = d.id and f.model = $1
        where d.revoked_at is null and )sql" + condition.text +
                                                R"sql(
        group by d.hardware_class, d.capabilities, m.version, m.digest, m.previous_version, m.previous_digest
        order by devices desc
        limit )sql" + std::to_string(most_groups),
                                            pqxx::prepare::make_dynamic_params(parameters));
  std::vector<DeviceGroup> groups;
  for (const auto& row : rows) {
    DeviceGroup group;
    group.facts.hardware_class = row["hardware_class"].as<std::string>();
    group.facts.capabilities = capabilities_of(row["capabilities"].as<std::string>());
    group.facts.version = row["version"].as<std::string>();
    group.facts.digest = row["digest"].as<std::string>();
    group.facts.previous_version = row["previous_version"].as<std::string>();
    group.facts.previous_digest = row["previous_digest"].as<std::string>();
    group.download_bytes_per_s = optional_of<std::uint64_t>(row["bytes_per_s"]);
    group.devices = row["devices"].as<std::uint64_t>();
    group.resting = row["resting"].as<std::uint64_t>();
    group.away = row["away"].as<std::uint64_t>();
    groups.push_back(std::move(group));
  }
  return groups;
}

std::uint64_t count_revoked(pqxx::work& transaction, const Filter& filter) {
  const auto condition = to_sql(filter, 1);
  const auto rows = transaction.exec_params(R"sql(
        select count(*)
        from devices d
        left join device_state s on s.device_id = d.id
        where d.revoked_at is not null and )sql" +
                                                condition.text,
                                            pqxx::prepare::make_dynamic_params(condition.parameters));
  return rows[0][0].as<std::uint64_t>();
}

// Of the files in the devices' slots, those that are ours.
std::set<std::string> find_known_files(pqxx::work& transaction, const std::vector<DeviceGroup>& groups,
                                       const PartsOf& parts_of) {
  std::set<std::string> files;
  for (const auto& group : groups)
    for (const HeldVersion& held : slots_of(group.facts))
      for (const wire::Part& part : parts_of(held)) files.insert(part.blob.digest);
  for (const auto& group : groups)
    for (const auto* digest : {&group.facts.digest, &group.facts.previous_digest})
      if (!digest->empty()) files.insert(*digest);
  std::set<std::string> known;
  const auto rows =
      transaction.exec_params("select digest from blobs where digest in (select unnest($1::text[]))", pg_array(files));
  for (const auto& row : rows) known.insert(row[0].as<std::string>());
  return known;
}

std::vector<std::string> load_warnings(pqxx::work& transaction, std::int64_t release) {
  RolloutRecord next;
  next.id = std::numeric_limits<std::int64_t>::max();
  next.release_id = release;
  return warnings_of(load_earlier_troubles(transaction, next));
}

}  // namespace

Result<RolloutPreview> PreviewRollout::operator()(pqxx::work& transaction) const {
  transaction.exec0("set transaction isolation level repeatable read read only");
  ARGOSY_TRY(const auto release, check_new_rollout(transaction, wanted, now));
  ARGOSY_TRY(const auto filter, parse_filter(wanted.filter));
  ARGOSY_TRY(const auto variants, load_variants(transaction, release));
  RolloutPreview preview;
  preview.model = wanted.model;
  preview.version = wanted.version;
  preview.filter = wanted.filter;
  preview.policy = wanted.policy;
  const auto sizes = count_classes(transaction, filter);
  ARGOSY_TRY(const auto planned, planned_waves(wanted.policy, wanted.seed, sizes));
  preview.devices = devices_of(planned.classes);
  preview.shares = planned.shares;
  preview.waves = count_waves(wanted.seed, sizes, planned.shares);
  preview.warnings = load_warnings(transaction, release);
  if (const auto revoked = count_revoked(transaction, filter); revoked > 0)
    preview.left_out.push_back({"revoked", revoked, "they were revoked"});
  if (preview.devices == 0) return preview;
  ARGOSY_TRY(preview.refused, canary_refusal(wanted.policy, planned.classes));
  const auto groups = load_groups(transaction, filter, wanted, now);
  preview.unexamined = preview.devices;
  for (const auto& group : groups) preview.unexamined -= group.devices;
  ReadyPatches ready(transaction);
  const auto parts_of = held_parts(transaction, wanted.model);
  const auto ready_towards = [&ready](const std::string& digest) { return ready.towards(digest); };
  examine(preview, groups,
          {variants, wanted.version, find_known_files(transaction, groups, parts_of), ready_towards, parts_of});
  if (wanted.policy.guards.empty()) return preview;
  const auto past = load_fleet_past(
      transaction, filter, {wanted.model, wanted.version, std::chrono::seconds(wanted.policy.baseline_s), now});
  ARGOSY_TRY(preview.reach, reach_of(wanted.policy, planned.classes, past, planned.written_as));
  return preview;
}

}  // namespace argosy::server

// The part of patch_store.hpp that the leader uses: who wants what now, and what nobody needs any more.
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/models/patch_rows.hpp"
#include "server/models/patch_store.hpp"
#include "server/models/release.hpp"
#include "server/models/variant.hpp"
#include "server/rollouts/core/state_sql.hpp"

namespace argosy::server {

namespace {

using Files = std::pair<std::string, std::string>;  // from, to

constexpr int max_groups = 50'000;

// Devices that wait for the same release with the same files count together: a fleet is a few groups.
const std::string waiting_groups = R"sql(
  with wishes as (
    select q.device_id, r.model, r.release_id
    from rollout_devices q
    join rollouts r on r.id = q.rollout_id
    where r.state in ()sql" + sql_states(is_open) +
                                   R"sql() and q.state = )sql" + sql_word(DeviceStep::queued) + R"sql(
    union
    select t.device_id, t.model, t.release_id
    from device_targets t
    join releases l on l.id = t.release_id
    join device_models m on m.device_id = t.device_id and m.model = t.model
    where (m.update_version is distinct from l.version or m.update_state in ('idle', 'planning'))
      and (m.version is distinct from l.version
        or not exists (select 1 from variants v where v.release_id = t.release_id and v.digest = m.digest))
  ), patched as materialized (
    select from_digest as digest
    from patches
    union
    select v.digest
    from variants v
    join variant_parts b on b.variant_id = v.id
    join patches p on p.from_digest = b.digest
  )
  select w.model, w.release_id, d.hardware_class, d.capabilities, coalesce(m.version, '') as serving_version,
    coalesce(m.digest, '') as serving, coalesce(m.previous_version, '') as previous_version,
    coalesce(m.previous_digest, '') as previous, count(*) as devices
  from wishes w
  join devices d on d.id = w.device_id and d.revoked_at is null
  join device_models m on m.device_id = w.device_id and m.model = w.model
  where m.digest in (select digest from patched) or m.previous_digest in (select digest from patched)
  group by 1, 2, 3, 4, 5, 6, 7, 8
  order by 9 desc
  limit $1
)sql";

bool some_unsettled(pqxx::work& transaction) {
  return transaction
      .exec1(
          R"sql(
            select exists (
              select 1
              from patches
              where state in ('pending', 'making') or (state = 'failed' and retry_at is not null)
            )
          )sql")[0]
      .as<bool>();
}

Result<std::vector<Variant>> selectable_variants(pqxx::work& transaction, std::int64_t release) {
  std::vector<Variant> variants;
  static const std::string sql = "select v.name, v.digest, v.selector, v.priority, v.onnx_opset, v.onnx_ir, " +
                                 std::string(select_parts) + "from variants v where v.release_id = $1 order by v.id";
  const pqxx::result rows = transaction.exec_params(sql, release);
  for (const pqxx::row& row : rows) {
    Variant& variant = variants.emplace_back();
    variant.name = row["name"].as<std::string>();
    variant.digest = row["digest"].as<std::string>();
    ARGOSY_TRY(variant.selector, selector_from_json(row["selector"].as<std::string>()));
    variant.priority = row["priority"].as<int>();
    variant.onnx = onnx_of(optional_of<std::uint32_t>(row["onnx_opset"]), optional_of<std::uint32_t>(row["onnx_ir"]));
    ARGOSY_TRY(variant.parts, parts_from_json(row["parts"].as<std::string>()));
  }
  return variants;
}

PartsOf held_parts(pqxx::work& transaction, const std::string& model) {
  return remembered([&transaction, model](const HeldVersion& held) {
    const auto row = transaction.exec_params1(select_held_parts, model, held.version, held.digest);
    return parts_from_json(row[0].as<std::string>()).value();
  });
}

Result<std::map<Files, std::int64_t>> count_waiting(pqxx::work& transaction) {
  std::map<Files, std::int64_t> counted;
  std::map<std::int64_t, std::vector<Variant>> releases;
  std::map<std::string, PartsOf> held;  // by model
  for (const pqxx::row& row : transaction.exec_params(waiting_groups, max_groups)) {
    const auto release = row["release_id"].as<std::int64_t>();
    auto known = releases.find(release);
    if (known == releases.end()) {
      ARGOSY_TRY(auto variants, selectable_variants(transaction, release));
      known = releases.emplace(release, std::move(variants)).first;
    }
    const auto choice = choose_variant(known->second, capabilities_of(row["capabilities"].as<std::string>()),
                                       row["hardware_class"].as<std::string>());
    const auto* index = std::get_if<std::size_t>(&choice);
    if (index == nullptr) continue;
    const std::vector<HeldVersion> slots = {
        {row["serving_version"].as<std::string>(), row["serving"].as<std::string>()},
        {row["previous_version"].as<std::string>(), row["previous"].as<std::string>()}};
    const auto model = row["model"].as<std::string>();
    const PartsOf& parts_of = held.try_emplace(model, held_parts(transaction, model)).first->second;
    for (const FileToGet& file : files_to_get(known->second[*index], slots, parts_of))
      for (const std::string& base : file.bases) counted[{base, file.blob.digest}] += row["devices"].as<std::int64_t>();
  }
  return counted;
}

void write_demand(pqxx::work& transaction, const std::map<Files, std::int64_t>& counted) {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& [files, devices] : counted)
    rows.push_back({{"from", files.first}, {"to", files.second}, {"devices", devices}});
  transaction.exec_params0(
      R"sql(
        update patches p
        set demand = c.devices
        from (
          select o.from_digest, o.to_digest, coalesce(i.devices, 0) as devices
          from patches o
          left join jsonb_to_recordset($1::jsonb) as i("from" text, "to" text, devices int)
            on i."from" = o.from_digest and i."to" = o.to_digest
          where o.demand <> coalesce(i.devices, 0)
          order by 1, 2
          for update of o
        ) as c
        where p.from_digest = c.from_digest and p.to_digest = c.to_digest
      )sql",
      rows.dump());
}

}  // namespace

Result<std::size_t> CountPatchDemand::operator()(pqxx::work& transaction) const {
  if (!options.all && !some_unsettled(transaction)) return std::size_t{0};
  ARGOSY_TRY(const auto counted, count_waiting(transaction));
  write_demand(transaction, counted);
  return drop_unwanted(transaction);
}

std::size_t CountPatchDemand::drop_unwanted(pqxx::work& transaction) const {
  static const std::string sql = R"sql(
    delete from patches p
    where state in ('pending', 'making') and demand = 0 and coalesce(asked_until <= now(), true)
      and requested_at <= now() - make_interval(secs => $1)
    returning
  )sql" + std::string(patch_columns);
  const pqxx::result rows = transaction.exec_params(sql, static_cast<double>(options.grace.count()));
  for (const pqxx::row& row : rows) {
    PatchRow patch = patch_of(row);
    patch.state = PatchState::cancelled;
    patch.reason = "nobody waits for it any more";
    append_patch_event(transaction, patch);
  }
  return rows.size();
}

// A patch is in use while a device has its old file, or can have it by another patch: then it may end a chain.
std::size_t DropUnusedPatches::operator()(pqxx::work& transaction) const {
  return transaction
      .exec_params(
          R"sql(
            with models_on_devices as materialized (
              select digest
              from device_models
              union
              select previous_digest
              from device_models
            ), on_devices as materialized (
              select digest
              from models_on_devices
              union
              select b.digest
              from models_on_devices o
              join variants v on v.digest = o.digest
              join variant_parts b on b.variant_id = v.id
            )
            delete from patches d
            using (
              select p.from_digest, p.to_digest
              from patches p
              where p.state in ('ready', 'declined', 'failed', 'cancelled')
                and greatest(p.requested_at, p.finished_at) < now() - make_interval(hours => $1)
                and p.demand = 0
                and coalesce(p.asked_until <= now(), true)
                and not exists (select 1 from on_devices o where o.digest = p.from_digest)
                and not exists (
                  select 1
                  from patches l
                  join on_devices o on o.digest = l.from_digest
                  where l.state = 'ready' and l.to_digest = p.from_digest
                )
              order by 1, 2
              limit $2
              for update skip locked
            ) as u
            where d.from_digest = u.from_digest and d.to_digest = u.to_digest
          )sql",
          static_cast<int>(keep.count()), static_cast<std::int64_t>(limit))
      .affected_rows();
}

}  // namespace argosy::server

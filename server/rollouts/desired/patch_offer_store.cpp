#include "server/rollouts/desired/patch_offer_store.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include <pqxx/pqxx>

#include "server/journal/journal_store.hpp"
#include "server/models/patch_choice.hpp"
#include "server/rollouts/core/state_sql.hpp"

namespace argosy::server {
namespace {

struct NewPatch {
  std::string from;
  std::string to;
  std::string digest;
  std::string offered_to;  // the last device that was looked at
};

constexpr std::int64_t max_new_patches = 100;

// Who was told and has not begun, has the patch's old file or can have it by one more patch, and wants its new file or
// one that one more patch makes of it.
pqxx::result select_who_may_use(pqxx::work& transaction, const NewPatch& patch, std::size_t limit) {
  static const std::string sql = DesiredBuilder::select_devices(R"sql(
    where d.revoked_at is null and d.id > $3 and d.id in (
        select q.device_id
        from rollout_devices q
        join device_targets t on t.device_id = q.device_id and t.rollout_id = q.rollout_id
        join device_models m on m.device_id = q.device_id and m.model = t.model
        where q.state = )sql" + sql_word(DeviceStep::notified) + R"sql(
          and exists (
            select
            from (
              select m.digest
              union all
              select m.previous_digest
              union all
              select b.digest
              from releases r
              join variants v on v.release_id = r.id
              join variant_parts b on b.variant_id = v.id
              where r.model = m.model
                and (r.version, v.digest) in ((m.version, m.digest), (m.previous_version, m.previous_digest))
            ) as held
            where held.digest = $1 or exists (
                select
                from patches f
                where f.to_digest = $1 and f.state = 'ready' and f.from_digest = held.digest
              )
          )
          and exists (
            select
            from variant_files v
            where v.release_id = t.release_id and (v.digest = $2 or exists (
              select
              from patches l
              where l.from_digest = $2 and l.to_digest = v.digest and l.state = 'ready'
            ))
          )
      )
    order by d.id
    limit $4
  )sql");
  return transaction.exec_params(sql, patch.from, patch.to, patch.offered_to, static_cast<std::int64_t>(limit));
}

bool uses(const wire::DesiredModel& model, const std::string& patch) {
  const auto leads_to_part = [&](const wire::PartOffer& part) { return leads_over(part.patches, patch); };
  return leads_over(model.patches, patch) || std::any_of(model.parts.begin(), model.parts.end(), leads_to_part);
}

std::vector<NewPatch> lock_new(pqxx::work& transaction) {
  std::vector<NewPatch> patches;
  const auto rows = transaction.exec_params(
      R"sql(
        select from_digest, to_digest, digest, offered_to
        from patches
        where offered_to is not null and state = 'ready'
        order by finished_at, from_digest, to_digest
        limit $1
        for update skip locked
      )sql",
      max_new_patches);
  for (const auto& row : rows) {
    patches.push_back({row["from_digest"].as<std::string>(), row["to_digest"].as<std::string>(),
                       row["digest"].as<std::string>(), row["offered_to"].as<std::string>()});
  }
  return patches;
}

// Adds those to whom it is of use to `told_again`; answers how many it looked at. Whose document cannot be built is
// passed over: it is built, or put off, when it is due.
std::size_t offer(pqxx::work& transaction, DesiredBuilder& builder, const NewPatch& patch, std::size_t limit,
                  std::set<std::string>& told_again) {
  const auto devices = builder.build(select_who_may_use(transaction, patch, limit));
  for (const auto& device : devices) {
    if (!device.document) continue;
    const auto& models = device.document->models;
    const bool is_of_use =
        std::any_of(models.begin(), models.end(), [&](const auto& model) { return uses(model, patch.digest); });
    if (is_of_use) told_again.insert(device.device);
  }
  const bool all_done = devices.size() < limit;
  transaction.exec_params0("update patches set offered_to = $3 where from_digest = $1 and to_digest = $2", patch.from,
                           patch.to, all_done ? std::optional<std::string>() : std::optional(devices.back().device));
  return devices.size();
}

}  // namespace

std::size_t OfferNewPatches::operator()(pqxx::work& transaction) const {
  DesiredBuilder builder(transaction, cache);
  std::set<std::string> told_again;
  std::size_t left = limit;
  for (const NewPatch& patch : lock_new(transaction)) {
    if (left == 0) break;
    left -= offer(transaction, builder, patch, left, told_again);
  }
  touch_desired(transaction, {told_again.begin(), told_again.end()});
  return told_again.size();
}

}  // namespace argosy::server

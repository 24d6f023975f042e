#include "server/rollouts/store/notify_store.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/rollouts/core/newcomers.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/core/variant_plan.hpp"
#include "server/rollouts/store/device_rows_store.hpp"
#include "server/rollouts/store/maintenance_store.hpp"
#include "server/rollouts/store/ready_patches_store.hpp"
#include "server/rollouts/store/release_rows_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"
#include "server/rollouts/store/target_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

struct Queued {
  HeardOut heard;
  DeviceFacts facts;
  std::optional<std::uint64_t> download_bytes_per_s;
};

constexpr std::int64_t most_at_once = 500;  // keeps the transaction short; the next round goes on
constexpr int most_looks = 4;  // some of the first in the queue may wait for their patches; others behind need not

// A place in the queue: its order is that of the index rollout_devices_ready.
struct Place {
  int wave = -1;
  std::string device{};
};

// The next `limit` of the queue behind `after`, whom it can reach. Planned anew each time: its best plan hangs on how
// many are queued, and how many were told.
std::vector<Queued> lock_queued(pqxx::work& transaction, const RolloutRecord& record, const Notify& action,
                                const Place& after, std::int64_t limit, Instant now) {
  static const std::string sql = R"sql(
    with turn as (
      select q.*
      from rollout_devices q
      where q.rollout_id = $1 and q.state = )sql" +
                                 sql_word(DeviceStep::queued) + R"sql( and q.reachable_since is not null
        and q.wave <= $5 and (q.wave, q.device_id) > ($6, $7)
        and ($9 or not exists (
          select
          from device_failures f
          where f.device_id = q.device_id and f.model = $2 and f.resting_until > $10::timestamptz
        ))
        and ($11::text[] is null or exists (
          select
          from devices d
          where d.id = q.device_id and )sql" +
                                 zone_sql("$12") + R"sql( = any($11::text[])
        ))
      order by q.wave, q.device_id
      limit $8
      for update of q
    )
    select )sql" + rollout_device_columns +
                                 R"sql(,
      d.hardware_class, d.capabilities, coalesce(m.version, '') as version, coalesce(m.digest, '') as digest,
      coalesce(m.previous_version, '') as previous_version,
      coalesce(m.previous_digest, '') as previous_digest, coalesce(m.update_state, 'idle') as update_state,
      l.id as serving_release, coalesce(o.started_at > $4::timestamptz, false) as newer, o.state as newer_state,
      coalesce(w.release_id = o.release_id, false) as newer_is_its_own,
      (select s.download_bytes_per_s from device_state s where s.device_id = q.device_id) as download_bytes_per_s
    from turn q
    join devices d on d.id = q.device_id
    left join device_models m on m.device_id = q.device_id and m.model = $2
    left join releases l on l.model = $2 and l.version = m.version and l.id <> $3
    left join device_targets w on w.device_id = q.device_id and w.model = $2 and w.rollout_id <> $1
    left join rollouts o on o.id = w.rollout_id
    where d.revoked_at is null
    order by q.wave, q.device_id
  )sql";
  const auto rows = transaction.exec_params(
      sql, record.id, record.model, record.release_id, record.started_at.value_or(record.created_at), action.wave,
      after.wave, after.device, limit, record.policy.include_resting, now,
      action.zones ? std::optional(pg_array(*action.zones)) : std::nullopt, zone_parameter(record.policy));
  const auto hardware_class = rows.column_number("hardware_class");
  const auto capabilities = rows.column_number("capabilities");
  const auto version = rows.column_number("version");
  const auto digest = rows.column_number("digest");
  const auto previous_version = rows.column_number("previous_version");
  const auto previous_digest = rows.column_number("previous_digest");
  const auto update_state = rows.column_number("update_state");
  const auto serving_release = rows.column_number("serving_release");
  const auto newer = rows.column_number("newer");
  const auto newer_state = rows.column_number("newer_state");
  const auto newer_is_its_own = rows.column_number("newer_is_its_own");
  const auto download_bytes_per_s = rows.column_number("download_bytes_per_s");
  std::vector<Queued> queued;
  queued.reserve(static_cast<std::size_t>(rows.size()));
  std::size_t next = 0;
  for (auto& device : rollout_devices_of(rows)) {
    const auto row = rows[static_cast<pqxx::result::size_type>(next++)];
    Queued one;
    one.heard.row = std::move(device);
    one.facts.hardware_class = row[hardware_class].as<std::string>();
    one.facts.capabilities = capabilities_of(row[capabilities].as<std::string>());
    one.facts.version = row[version].as<std::string>();
    one.facts.digest = row[digest].as<std::string>();
    one.facts.previous_version = row[previous_version].as<std::string>();
    one.facts.previous_digest = row[previous_digest].as<std::string>();
    static const std::set<std::string> settled{"idle", "committed", "rejected", "failed", "rolled_back"};
    one.facts.updating = settled.count(row[update_state].as<std::string>()) == 0;
    one.heard.serving_release = optional_of<std::int64_t>(row[serving_release]);
    one.heard.newer_wish = row[newer].as<bool>() &&
                           is_wish(enum_of(row[newer_state], parse_rollout_state), row[newer_is_its_own].as<bool>());
    one.download_bytes_per_s = optional_of<std::uint64_t>(row[download_bytes_per_s]);
    queued.push_back(std::move(one));
  }
  return queued;
}

// How far the patches between files are.
class Patches {
 public:
  Patches(pqxx::work& transaction, const std::vector<Variant>& variants, std::chrono::seconds wait, Instant now)
      : transaction_(transaction), wait_(wait), now_(now) {
    for (const auto& variant : variants) {
      targets_.push_back(variant.digest);
      for (const auto& part : variant.parts) targets_.push_back(part.blob.digest);
    }
  }

  // Of these bases; before settled() is asked of them.
  void look_up(const std::set<std::string>& bases) {
    std::vector<std::string> unknown;
    for (const auto& base : bases)
      if (known_.insert(base).second) unknown.push_back(base);
    if (unknown.empty()) return;
    const auto rows = transaction_.exec_params(
        R"sql(
          select b.digest as base, v.digest as target, coalesce(p.state, '') as state, p.requested_at
          from unnest($1::text[]) as f(digest)
          join blobs b on b.digest = f.digest
          cross join unnest($2::text[]) as v(digest)
          left join patches p on p.from_digest = b.digest and p.to_digest = v.digest
        )sql",
        pg_array(unknown), pg_array(targets_));
    for (const auto& row : rows) {
      rows_[{row["base"].as<std::string>(), row["target"].as<std::string>()}] = {
          row["state"].as<std::string>(), optional_of<Instant>(row["requested_at"])};
    }
  }

  // Whether a device with `base` need not wait; counts it as waiting otherwise.
  bool settled(const std::string& base, const std::string& target) {
    const auto found = rows_.find({base, target});
    if (found == rows_.end() || wait_.count() == 0) return true;  // a file that is not ours: no patch can be made
    const auto& [state, requested_at] = found->second;
    if (state.empty()) {
      ++unasked_[{base, target}];
      return false;
    }
    const bool under_way = state == "pending" || state == "making";
    return !under_way || now_ - *requested_at >= wait_;
  }

  std::vector<PatchPair> unasked() const {
    std::vector<PatchPair> pairs;
    for (const auto& [pair, devices] : unasked_) pairs.push_back({pair.first, pair.second, devices});
    return pairs;
  }

 private:
  using Pair = std::pair<std::string, std::string>;
  pqxx::work& transaction_;
  std::vector<std::string> targets_;
  std::set<std::string> known_;
  std::map<Pair, std::pair<std::string, std::optional<Instant>>> rows_;
  std::map<Pair, int> unasked_;
  std::chrono::seconds wait_;
  Instant now_;
};

// Whether a device that waits for patches to this file is well served by those that are ready.
bool need_not_wait(ReadyPatches& ready, const Queued& queued, const FileToGet& file) {
  const PatchTaker taker{.bases = file.bases,
                         .download_bytes_per_s = queued.download_bytes_per_s,
                         .architecture = queued.facts.capabilities.architecture};
  return is_soon_enough(ready.towards(file.blob.digest), file.blob, taker);
}

// Older rollouts of the same model lose the devices that this one tells.
void supersede_others(pqxx::work& transaction, const RolloutRecord& record, const std::vector<TargetChange>& told,
                      Instant now) {
  static const std::string sql = "select " + rollout_device_columns + R"sql(, q.rollout_id
    from rollout_devices q
    join rollouts r on r.id = q.rollout_id
    where r.model = $2 and r.id <> $1 and r.started_at <= $3::timestamptz
      and q.state not in ()sql" + sql_steps(is_terminal) +
                                 R"sql()
      and q.device_id in (select unnest($4::text[]))
    order by q.rollout_id, q.device_id
    for update of q
  )sql";
  std::vector<std::string> devices;
  for (const auto& target : told) devices.push_back(target.device);
  const auto rows = transaction.exec_params(sql, record.id, record.model, record.started_at.value_or(record.created_at),
                                            pg_array(devices));
  std::map<std::int64_t, std::vector<RolloutDevice>> by_rollout;
  std::size_t next = 0;
  for (auto& device : rollout_devices_of(rows)) {
    const auto row = rows[static_cast<pqxx::result::size_type>(next++)];
    by_rollout[row["rollout_id"].as<std::int64_t>()].push_back(std::move(device));
  }
  for (const auto& [rollout, lost] : by_rollout)
    move_devices(transaction, rollout, effects_of_superseding(lost, record.id, now).moves);
}

void append_refusal_event(pqxx::work& transaction, const RolloutRecord& record, const HeardOut& heard) {
  append_event(transaction, {.kind = "rollout.device",
                             .severity = "warning",
                             .device_id = heard.row.device,
                             .rollout_id = record.id,
                             .model = record.model,
                             .message = heard.row.device + " cannot run " + record.model + " " + record.version + ": " +
                                        heard.refusal,
                             .details_json = Json{{"cause", cause_incompatible}}.dump()});
}

std::set<std::string> bases_of(const std::vector<Telling>& tellings) {
  std::set<std::string> bases;
  for (const auto& telling : tellings)
    for (const auto& file : telling.files) bases.insert(file.bases.begin(), file.bases.end());
  return bases;
}

// Devices at their turn, some at a time: who leaves the queue now, and who waits for a patch.
class Hearing {
 public:
  Hearing(pqxx::work& transaction, const RolloutRecord& record, const std::vector<Variant>& variants, Instant now)
      : transaction_(transaction),
        record_(record),
        variants_(variants),
        patches_(transaction, variants, std::chrono::seconds(record.policy.patch_wait_s), now),
        ready_(transaction),
        held_(held_parts(transaction, record.model)) {}

  bool wants_more(std::int64_t most) const { return static_cast<std::int64_t>(leaving_.size()) < most; }

  // Until `most` leave.
  void hear(const std::vector<Queued>& queued, std::int64_t most) {
    std::vector<Telling> tellings;
    for (const auto& one : queued) tellings.push_back(tell(variants_, record_.version, one.facts, held_));
    patches_.look_up(bases_of(tellings));
    for (std::size_t i = 0; i < queued.size() && wants_more(most); ++i) hear_one(queued[i], tellings[i]);
  }

  const std::vector<HeardOut>& leaving() const { return leaving_; }
  std::vector<PatchPair> unasked() const { return patches_.unasked(); }

 private:
  void hear_one(const Queued& queued, const Telling& telling) {
    HeardOut heard = queued.heard;
    heard.refusal = telling.refusal;
    heard.already_installed = telling.already_installed;
    if (telling.variant && !heard.newer_wish) {
      const auto& variant = variants_[*telling.variant];
      const auto waits = std::count_if(telling.files.begin(), telling.files.end(),
                                       [&](const auto& file) { return waits_for_patch_to(file, queued); });
      if (waits > 0) return;
      heard.full_bytes = size_of(variant);
    } else if (!heard.newer_wish) {
      append_refusal_event(transaction_, record_, heard);
    }
    leaving_.push_back(std::move(heard));
  }

  // Asks for every patch that would help, and is not asked for yet.
  bool waits_for_patch_to(const FileToGet& file, const Queued& queued) {
    const auto unsettled = std::count_if(file.bases.begin(), file.bases.end(),
                                         [&](const auto& base) { return !patches_.settled(base, file.blob.digest); });
    return unsettled > 0 && !need_not_wait(ready_, queued, file);
  }

  pqxx::work& transaction_;
  const RolloutRecord& record_;
  const std::vector<Variant>& variants_;
  Patches patches_;
  ReadyPatches ready_;
  PartsOf held_;
  std::vector<HeardOut> leaving_;
};

}  // namespace

Result<Notified> notify_devices(pqxx::work& transaction, const RolloutRecord& record, const Notify& action,
                                Instant now) {
  ARGOSY_TRY(const auto variants, load_variants(transaction, record.release_id));
  const auto most = std::min(action.devices, most_at_once);
  Hearing hearing(transaction, record, variants, now);
  Place place;
  for (int look = 0; look < most_looks && hearing.wants_more(most); ++look) {
    const auto queued = lock_queued(transaction, record, action, place, most, now);
    hearing.hear(queued, most);
    if (queued.empty()) break;
    place = {queued.back().heard.row.wave, queued.back().heard.row.device};
  }
  const auto effects = effects_of_telling(hearing.leaving(), {record.id, record.release_id, record.version}, now);
  supersede_others(transaction, record, effects.targets, now);
  set_targets(transaction, record.model, effects.targets, now, DueClass::change);
  move_devices(transaction, record.id, effects.moves);
  return Notified{static_cast<std::int64_t>(effects.moves.size()), told_to_fetch(effects), hearing.unasked()};
}

}  // namespace argosy::server

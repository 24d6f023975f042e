#include "server/rollouts/notify_store.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/journal/journal_store.hpp"
#include "server/rollouts/ready_patches_store.hpp"
#include "server/rollouts/release_rows_store.hpp"
#include "server/rollouts/rollout_rows_store.hpp"
#include "server/rollouts/variant_plan.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

struct Queued {
  std::string device;
  int wave = 0;
  int attempt = 1;
  DeviceFacts facts;
  std::optional<std::uint64_t> download_bytes_per_s;
  std::optional<std::int64_t> serving_release;  // what it runs now, when that is a release known here
  bool newer_wish = false;                      // a rollout that was started later has told it something
};

constexpr std::int64_t most_at_once = 500;  // keeps the transaction short; the next round goes on

// Some of the first in the queue may wait for their patches; others behind them need not.
std::int64_t candidates_for(std::int64_t devices) {
  return std::min(devices, most_at_once) * 4;
}

std::vector<Queued> lock_queued(pqxx::work& transaction, const RolloutRecord& record, const Notify& action) {
  const auto rows = transaction.exec_params(
      "select q.device_id, q.wave, q.attempt, d.hardware_class, d.capabilities::text, coalesce(m.version, ''), "
      "coalesce(m.digest, ''), coalesce(m.previous_digest, ''), coalesce(m.update_state, 'idle'), l.id, "
      "coalesce(o.started_at > $4::timestamptz, false), s.download_bytes_per_s "
      "from rollout_devices q join devices d on d.id = q.device_id "
      "join device_state s on s.device_id = q.device_id and s.presence in ('online', 'late') "
      "left join device_models m on m.device_id = q.device_id and m.model = $2 "
      "left join releases l on l.model = $2 and l.version = m.version and l.id <> $3 "
      "left join device_targets w on w.device_id = q.device_id and w.model = $2 and w.rollout_id <> $1 "
      "left join rollouts o on o.id = w.rollout_id "
      "where q.rollout_id = $1 and q.state = 'queued' and q.wave <= $5 and d.revoked_at is null "
      "order by q.wave, q.device_id limit $6 for update of q",
      record.id, record.model, record.release_id, to_rfc3339(record.started_at.value_or(record.created_at)),
      action.wave, candidates_for(action.devices));
  std::vector<Queued> queued;
  for (const auto& row : rows) {
    Queued one;
    one.device = row[0].as<std::string>();
    one.wave = row[1].as<int>();
    one.attempt = row[2].as<int>();
    one.facts.hardware_class = row[3].as<std::string>();
    one.facts.capabilities = capabilities_of(row[4].as<std::string>());
    one.facts.version = row[5].as<std::string>();
    one.facts.digest = row[6].as<std::string>();
    one.facts.previous_digest = row[7].as<std::string>();
    static const std::set<std::string> settled{"idle", "committed", "rejected", "failed", "rolled_back"};
    one.facts.updating = settled.count(row[8].as<std::string>()) == 0;
    if (!row[9].is_null()) one.serving_release = row[9].as<std::int64_t>();
    one.newer_wish = row[10].as<bool>();
    if (!row[11].is_null()) one.download_bytes_per_s = row[11].as<std::uint64_t>();
    queued.push_back(std::move(one));
  }
  return queued;
}

// How far the patches between files are.
class Patches {
 public:
  Patches(pqxx::work& transaction, const std::vector<Variant>& variants, const std::set<std::string>& bases,
          std::chrono::seconds wait, Instant now)
      : wait_(wait), now_(now) {
    Json targets = Json::array();
    for (const auto& variant : variants) targets.push_back(variant.digest);
    static const std::string sql = "select b.digest, v.digest, p.state, " + epoch_ms("p.requested_at") +
                                   " from jsonb_array_elements_text($1::jsonb) as f(digest) "
                                   "join blobs b on b.digest = f.digest "
                                   "cross join jsonb_array_elements_text($2::jsonb) as v(digest) "
                                   "left join patches p on p.from_digest = b.digest and p.to_digest = v.digest";
    for (const auto& row : transaction.exec_params(sql, Json(bases).dump(), targets.dump())) {
      rows_[{row[0].as<std::string>(), row[1].as<std::string>()}] = {
          row[2].is_null() ? std::string() : row[2].as<std::string>(), instant_or_none(row[3])};
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
  std::map<Pair, std::pair<std::string, std::optional<Instant>>> rows_;
  std::map<Pair, int> unasked_;
  std::chrono::seconds wait_;
  Instant now_;
};

// Whether a device that waits for patches is well served by those that are ready.
bool need_not_wait(ReadyPatches& ready, const Queued& queued, const Telling& telling, const Variant& variant) {
  const PatchTaker taker{.bases = telling.patch_bases,
                         .download_bytes_per_s = queued.download_bytes_per_s,
                         .architecture = queued.facts.capabilities.architecture};
  return is_soon_enough(ready.towards(variant.digest), {variant.digest, variant.size}, taker);
}

// Older rollouts of the same model lose the devices that this one tells.
void supersede_others(pqxx::work& transaction, const RolloutRecord& record, const std::vector<std::string>& devices,
                      Instant now) {
  const auto rows = transaction.exec_params(
      "select q.rollout_id, q.device_id, q.wave, q.state, coalesce(q.source, ''), coalesce(q.bytes, 0), "
      "coalesce(q.full_bytes, 0) from rollout_devices q join rollouts r on r.id = q.rollout_id "
      "where r.model = $2 and r.id <> $1 and r.started_at <= $3::timestamptz "
      "and q.state not in ('succeeded', 'failed', 'rolled_back') "
      "and q.device_id in (select jsonb_array_elements_text($4::jsonb)) order by q.rollout_id, q.device_id "
      "for update of q",
      record.id, record.model, to_rfc3339(record.started_at.value_or(record.created_at)), Json(devices).dump());
  std::map<std::int64_t, std::vector<DeviceMove>> moves;
  for (const auto& row : rows) {
    const auto step = parse_device_step(row[3].as<std::string>()).value();
    moves[row[0].as<std::int64_t>()].push_back({.device = row[1].as<std::string>(),
                                                .wave = row[2].as<int>(),
                                                .from_key = count_key(step, ""),
                                                .to = {.step = DeviceStep::failed,
                                                       .cause = std::string(cause_superseded),
                                                       .message = "rollout " + std::to_string(record.id) + " took over",
                                                       .source = row[4].as<std::string>(),
                                                       .bytes = row[5].as<std::uint64_t>(),
                                                       .full_bytes = row[6].as<std::uint64_t>()},
                                                .notified_at = {},
                                                .started_at = {},
                                                .finished_at = now,
                                                .previous_release = {}});
  }
  for (const auto& [rollout, list] : moves) move_devices(transaction, rollout, list);
}

void append_refusal_event(pqxx::work& transaction, const RolloutRecord& record, const Queued& queued,
                          const std::string& refusal) {
  append_event(transaction,
               {.kind = "rollout.device",
                .severity = "warning",
                .device_id = queued.device,
                .rollout_id = record.id,
                .model = record.model,
                .message = queued.device + " cannot run " + record.model + " " + record.version + ": " + refusal,
                .details_json = Json{{"cause", cause_incompatible}}.dump()});
}

DeviceMove leave_queue(const Queued& queued, Progress to, Instant now) {
  const bool ended = is_terminal(to.step);
  return {.device = queued.device,
          .wave = queued.wave,
          .from_key = "queued",
          .to = std::move(to),
          .notified_at = now,
          .started_at = {},
          .finished_at = ended ? std::optional(now) : std::nullopt,
          .previous_release = queued.serving_release};
}

Progress failure(std::string_view cause, std::string message) {
  return {.step = DeviceStep::failed, .cause = std::string(cause), .message = std::move(message)};
}

std::set<std::string> bases_of(const std::vector<Telling>& tellings) {
  std::set<std::string> bases;
  for (const auto& telling : tellings) bases.insert(telling.patch_bases.begin(), telling.patch_bases.end());
  return bases;
}

}  // namespace

Result<Notified> notify_devices(pqxx::work& transaction, const RolloutRecord& record, const Notify& action,
                                Instant now) {
  ARGOSY_TRY(const auto variants, load_variants(transaction, record.release_id));
  const auto queued = lock_queued(transaction, record, action);
  std::vector<Telling> tellings;
  for (const auto& one : queued) tellings.push_back(tell(variants, record.version, one.facts));
  Patches patches(transaction, variants, bases_of(tellings), std::chrono::seconds(record.policy.patch_wait_s), now);

  ReadyPatches ready(transaction);

  std::vector<DeviceMove> moves;
  std::vector<TargetChange> targets;
  std::vector<std::string> taken_over;
  const auto most = static_cast<std::size_t>(std::min(action.devices, most_at_once));
  for (std::size_t i = 0; i < queued.size() && moves.size() < most; ++i) {
    const auto& one = queued[i];
    const auto& telling = tellings[i];
    if (one.newer_wish) {
      moves.push_back(leave_queue(one, failure(cause_superseded, "a rollout that was started later has told it"), now));
      continue;
    }
    if (!telling.variant) {
      moves.push_back(leave_queue(one, failure(cause_incompatible, telling.refusal), now));
      append_refusal_event(transaction, record, one, telling.refusal);
      continue;
    }
    const auto& variant = variants[*telling.variant];
    const auto waits = std::count_if(telling.patch_bases.begin(), telling.patch_bases.end(),
                                     [&](const auto& base) { return !patches.settled(base, variant.digest); });
    if (waits > 0 && !need_not_wait(ready, one, telling, variant)) continue;
    Progress to{.step = DeviceStep::notified, .full_bytes = variant.size};
    if (telling.already_installed) {
      to = {.step = DeviceStep::succeeded,
            .cause = std::string(cause_already_installed),
            .message = "it serves " + record.version + " already"};
    }
    moves.push_back(leave_queue(one, std::move(to), now));
    targets.push_back({one.device, record.release_id, record.id, one.attempt});
    taken_over.push_back(one.device);
  }
  supersede_others(transaction, record, taken_over, now);
  set_targets(transaction, record.model, targets, now, DueClass::change);
  move_devices(transaction, record.id, moves);
  return Notified{static_cast<std::int64_t>(moves.size()), patches.unasked()};
}

}  // namespace argosy::server

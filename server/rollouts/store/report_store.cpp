#include "server/rollouts/store/report_store.hpp"

#include <map>
#include <utility>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "common/json/json_reader.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/rollouts/core/report_mapping.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/store/device_rows_store.hpp"
#include "server/rollouts/store/shadow_store.hpp"

namespace argosy::server {
namespace {

struct OpenDevice {
  std::string model;
  RolloutDevice row;  // as it is
  Tracked tracked;
};

Tracked tracked_of(const RolloutDevice& device) {
  Tracked tracked;
  tracked.attempt = device.attempt;
  tracked.step = device.is.step;
  tracked.cause = device.is.cause;
  tracked.message = device.is.message;
  tracked.source = device.is.source;
  tracked.bytes = device.is.bytes;
  tracked.full_bytes = device.is.full_bytes;
  tracked.held = device.is.held;
  return tracked;
}

// Rows that a report can change: without an outcome, or failed while the device is still told to try.
std::vector<OpenDevice> lock_open(pqxx::work& transaction, const std::vector<wire::DeviceState>& states) {
  static const Statement lock_open_devices{"lock_open_devices", "select " + rollout_device_columns + R"sql(,
      r.model, q.rollout_id, l.version, p.version as previous_version,
      (select array_agg(v.digest) from variants v where v.release_id = r.release_id) as digests
    from rollout_devices q
    join rollouts r on r.id = q.rollout_id
    join releases l on l.id = r.release_id
    left join releases p on p.id = q.previous_release_id
    left join device_targets t on t.device_id = q.device_id and t.model = r.model
      and t.rollout_id = q.rollout_id and t.release_id = r.release_id
    where q.device_id in (select unnest($1::text[])) and (
        q.state in ()sql" + sql_steps(awaits_outcome) + R"sql()
        or (q.state = )sql" + sql_word(DeviceStep::failed) + R"sql( and t.rollout_id is not null
          and q.cause not in ()sql" + sql_causes(is_neutral_cause) + R"sql())
      )
    order by q.rollout_id, q.device_id
    for update of q
  )sql"};
  std::vector<std::string> ids;
  for (const auto& state : states) ids.push_back(state.device);
  const auto rows = exec_prepared(transaction, lock_open_devices, pg_array(ids));
  std::vector<OpenDevice> open;
  std::size_t next = 0;
  for (auto& device : rollout_devices_of(rows)) {
    const auto row = rows[static_cast<pqxx::result::size_type>(next++)];
    Tracked tracked = tracked_of(device);
    tracked.rollout = row["rollout_id"].as<std::int64_t>();
    tracked.version = row["version"].as<std::string>();
    tracked.previous_version = optional_of<std::string>(row["previous_version"]);
    tracked.digests = texts_of(row["digests"]);
    open.push_back({row["model"].as<std::string>(), std::move(device), std::move(tracked)});
  }
  return open;
}

// What several reports of one batch make of one row: the net change.
std::optional<Progress> follow(Tracked row, const std::string& device, const std::string& model,
                               const std::vector<wire::DeviceState>& states) {
  std::optional<Progress> last;
  for (const auto& state : states) {
    if (state.device != device) continue;
    for (const auto& report : state.models) {
      if (report.model != model) continue;
      auto next = map_report(row, report);
      if (!next) continue;
      row.step = next->step;
      row.cause = next->cause;
      row.message = next->message;
      row.source = next->source;
      row.bytes = next->bytes;
      row.full_bytes = next->full_bytes;
      row.held = next->held;
      last = std::move(next);
    }
  }
  return last;
}

// The most that one batch tells of the shadow run behind one row.
void add_shadow(std::vector<ShadowReport>& shadows, const OpenDevice& one,
                const std::vector<wire::DeviceState>& states) {
  std::optional<wire::ShadowCounts> most;
  for (const auto& state : states) {
    if (state.device != one.row.device) continue;
    for (const auto& report : state.models) {
      if (report.model != one.model) continue;
      const auto counts = shadow_of_report(one.tracked, report);
      if (counts && (!most || most->samples < counts->samples)) most = counts;
    }
  }
  if (most) shadows.push_back({one.tracked.rollout, one.row.device, one.tracked.attempt, *most});
}

}  // namespace

std::size_t TakeDeviceReports::operator()(pqxx::work& transaction) const {
  std::map<std::int64_t, std::vector<DeviceMove>> moves;
  std::vector<ShadowReport> shadows;
  std::size_t moved = 0;
  for (const auto& one : lock_open(transaction, states)) {
    add_shadow(shadows, one, states);
    auto next = follow(one.tracked, one.row.device, one.model, states);
    if (!next) continue;
    moves[one.tracked.rollout].push_back(effect_of_report(one.row, std::move(*next), now));
    ++moved;
  }
  for (const auto& [rollout, list] : moves) move_devices(transaction, rollout, list);
  save_shadows(transaction, shadows, now);
  return moved;
}

}  // namespace argosy::server

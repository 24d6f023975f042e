// Takes in what devices report: a batch of state documents in one transaction, each outcome counted once.
#include <map>
#include <utility>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "common/json/json_reader.hpp"
#include "server/db/db_pool.hpp"
#include "server/rollouts/report_mapping.hpp"
#include "server/rollouts/rollout_rows_store.hpp"
#include "server/rollouts/rollout_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

struct OpenDevice {
  std::string device;
  std::string model;
  int wave = 0;
  Tracked row;
};

// Rows that a report can change: without an outcome, or failed while the device is still told to try.
std::vector<OpenDevice> lock_open(pqxx::work& transaction, const std::vector<wire::DeviceState>& states) {
  Json ids = Json::array();
  for (const auto& state : states) ids.push_back(state.device);
  const auto rows = transaction.exec_params(
      "select q.device_id, r.model, q.wave, q.rollout_id, q.attempt, l.version, p.version, q.state, "
      "coalesce(q.cause, ''), q.message, coalesce(q.source, ''), coalesce(q.bytes, 0), coalesce(q.full_bytes, 0), "
      "(select jsonb_agg(v.digest) from variants v where v.release_id = r.release_id)::text "
      "from rollout_devices q join rollouts r on r.id = q.rollout_id join releases l on l.id = r.release_id "
      "left join releases p on p.id = q.previous_release_id "
      "left join device_targets t on t.device_id = q.device_id and t.model = r.model and t.rollout_id = q.rollout_id "
      "and t.release_id = r.release_id "
      "where q.device_id in (select jsonb_array_elements_text($1::jsonb)) "
      "and (q.state not in ('queued', 'succeeded', 'failed', 'rolled_back') or (q.state = 'failed' "
      "and t.rollout_id is not null and q.cause not in ('cancelled', 'superseded', 'decommissioned'))) "
      "order by q.rollout_id, q.device_id for update of q",
      ids.dump());
  std::vector<OpenDevice> open;
  for (const auto& row : rows) {
    OpenDevice one{row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<int>(), {}};
    one.row.rollout = row[3].as<std::int64_t>();
    one.row.attempt = row[4].as<int>();
    one.row.version = row[5].as<std::string>();
    if (!row[6].is_null()) one.row.previous_version = row[6].as<std::string>();
    one.row.step = parse_device_step(row[7].as<std::string>()).value();
    one.row.cause = row[8].as<std::string>();
    one.row.message = row[9].as<std::string>();
    one.row.source = row[10].as<std::string>();
    one.row.bytes = row[11].as<std::uint64_t>();
    one.row.full_bytes = row[12].as<std::uint64_t>();
    one.row.digests = read_json<std::vector<std::string>>(row[13].as<std::string>("[]")).value();
    open.push_back(std::move(one));
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
      last = std::move(next);
    }
  }
  return last;
}

struct TakeReports {
  std::vector<wire::DeviceState> states;
  Instant now;

  std::size_t operator()(pqxx::work& transaction) const {
    std::map<std::int64_t, std::vector<DeviceMove>> moves;
    std::size_t moved = 0;
    for (const auto& one : lock_open(transaction, states)) {
      auto next = follow(one.row, one.device, one.model, states);
      if (!next) continue;
      const bool ended = is_terminal(next->step);
      const auto from = count_key(one.row.step, one.row.cause);
      moves[one.row.rollout].push_back({.device = one.device,
                                        .wave = one.wave,
                                        .from_key = from,
                                        .to = std::move(*next),
                                        .notified_at = {},
                                        .started_at = now,
                                        .finished_at = ended ? std::optional(now) : std::nullopt,
                                        .previous_release = {}});
      ++moved;
    }
    for (const auto& [rollout, list] : moves) move_devices(transaction, rollout, list);
    return moved;
  }
};

}  // namespace

Task<Result<std::size_t>> RolloutStore::take_reports(std::vector<wire::DeviceState> states, Instant now) {
  auto work = db_.transact(TakeReports{std::move(states), now});
  co_return co_await std::move(work);
}

}  // namespace argosy::server

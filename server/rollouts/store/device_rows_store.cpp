#include "server/rollouts/store/device_rows_store.hpp"

#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

Json optional_text(const std::optional<Instant>& at) {
  return at ? Json(to_rfc3339(*at)) : Json(nullptr);
}

void write_counts(pqxx::work& transaction, std::int64_t rollout,
                  const std::map<int, std::map<std::string, std::int64_t>>& waves) {
  for (const auto& [wave, changes] : waves) {
    transaction.exec_params0(
        "update rollout_waves set counts = (select coalesce(jsonb_object_agg(key, devices), '{}') from "
        "(select key, sum(value::bigint) as devices from (select key, value from jsonb_each_text(counts) union all "
        "select key, value from jsonb_each_text($3::jsonb)) as both_sides group by key "
        "having sum(value::bigint) <> 0) as total) where rollout_id = $1 and wave = $2",
        rollout, wave, Json(changes).dump());
  }
}

}  // namespace

std::vector<RolloutDevice> rollout_devices_of(const pqxx::result& rows) {
  std::vector<RolloutDevice> devices;
  for (const auto& row : rows) {
    RolloutDevice& one = devices.emplace_back();
    one.device = row[0].as<std::string>();
    one.wave = row[1].as<int>();
    one.attempt = row[2].as<int>();
    if (!row[3].is_null()) one.previous_release = row[3].as<std::int64_t>();
    one.is = {.step = parse_device_step(row[4].as<std::string>()).value(),
              .cause = row[5].as<std::string>(),
              .message = row[6].as<std::string>(),
              .source = row[7].as<std::string>(),
              .bytes = row[8].as<std::uint64_t>(),
              .full_bytes = row[9].as<std::uint64_t>(),
              .numbers = json_or_null(row[10].as<std::string>())};
  }
  return devices;
}

void move_devices(pqxx::work& transaction, std::int64_t rollout, const std::vector<DeviceMove>& moves) {
  if (moves.empty()) return;
  Json rows = Json::array();
  std::map<int, std::map<std::string, std::int64_t>> counts;
  for (const auto& move : moves) {
    rows.push_back({{"device", move.device},
                    {"state", to_string(move.to.step)},
                    {"cause", move.to.cause},
                    {"message", move.to.message},
                    {"source", move.to.source},
                    {"bytes", move.to.bytes},
                    {"full_bytes", move.to.full_bytes},
                    {"numbers", move.to.numbers},
                    {"notified_at", optional_text(move.notified_at)},
                    {"started_at", optional_text(move.started_at)},
                    {"finished_at", optional_text(move.finished_at)},
                    {"previous", move.previous_release ? Json(*move.previous_release) : Json(nullptr)}});
    --counts[move.wave][move.from_key];
    ++counts[move.wave][count_key(move.to.step, move.to.cause)];
  }
  transaction.exec_params0(
      "update rollout_devices q set state = i.state, cause = nullif(i.cause, ''), message = i.message, "
      "source = nullif(i.source, ''), bytes = i.bytes, full_bytes = i.full_bytes, numbers = i.numbers, "
      "notified_at = coalesce(i.notified_at, q.notified_at), started_at = coalesce(q.started_at, i.started_at), "
      "finished_at = i.finished_at, previous_release_id = coalesce(i.previous, q.previous_release_id) "
      "from jsonb_to_recordset($2::jsonb) as i(device text, state text, cause text, message text, source text, "
      "bytes bigint, full_bytes bigint, numbers jsonb, notified_at timestamptz, started_at timestamptz, "
      "finished_at timestamptz, previous bigint) where q.rollout_id = $1 and q.device_id = i.device",
      rollout, rows.dump(-1, ' ', false, Json::error_handler_t::replace));
  write_counts(transaction, rollout, counts);
}

}  // namespace argosy::server

#include "server/rollouts/store/device_rows_store.hpp"

#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"
#include "server/devices/presence_sql.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/store/penalty_store.hpp"
#include "server/rollouts/store/reach_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

bool comes_back(const DeviceMove& move) {              // has no outcome any more
  const auto from = parse_device_step(move.from_key);  // or the cause of a failure
  return !is_terminal(move.to.step) && (!from || is_terminal(*from));
}

// While a device has an outcome, nobody keeps for its row whether it is reachable.
void find_reach_of_those_that_come_back(pqxx::work& transaction, std::int64_t rollout,
                                        const std::vector<DeviceMove>& moves) {
  std::vector<std::string> back;
  for (const auto& move : moves)
    if (comes_back(move)) back.push_back(move.device);
  if (back.empty()) return;
  static const std::string sql = R"sql(
    update rollout_devices q
    set reachable_since = case when )sql" +
                                 reachable_sql("s") + R"sql( then s.presence_since end
    from device_state s
    where q.rollout_id = $1 and q.device_id in (select unnest($2::text[])) and s.device_id = q.device_id
  )sql";
  transaction.exec_params0(sql, rollout, pg_array(back));
  look_at_reach_again(transaction, back);
}

void write_counts(pqxx::work& transaction, std::int64_t rollout,
                  const std::map<int, std::map<std::string, std::int64_t>>& waves) {
  for (const auto& [wave, changes] : waves) {
    transaction.exec_params0(
        R"sql(
          update rollout_waves
          set counts = (
            select coalesce(jsonb_object_agg(key, devices), '{}')
            from (
              select key, sum(value::bigint) as devices
              from (
                select key, value from jsonb_each_text(counts)
                union all
                select key, value from jsonb_each_text($3::jsonb)
              ) as both_sides
              group by key
              having sum(value::bigint) <> 0
            ) as total
          )
          where rollout_id = $1 and wave = $2
        )sql",
        rollout, wave, Json(changes).dump());
  }
}

}  // namespace

std::vector<RolloutDevice> rollout_devices_of(const pqxx::result& rows) {
  std::vector<RolloutDevice> devices;
  devices.reserve(static_cast<std::size_t>(rows.size()));
  const auto device = rows.column_number("device_id");
  const auto wave = rows.column_number("wave");
  const auto attempt = rows.column_number("attempt");
  const auto previous_release = rows.column_number("previous_release_id");
  const auto state = rows.column_number("state");
  const auto cause = rows.column_number("cause");
  const auto message = rows.column_number("message");
  const auto source = rows.column_number("source");
  const auto bytes = rows.column_number("bytes");
  const auto full_bytes = rows.column_number("full_bytes");
  const auto held = rows.column_number("held");
  const auto numbers = rows.column_number("numbers");
  for (const auto& row : rows) {
    RolloutDevice& one = devices.emplace_back();
    one.device = row[device].as<std::string>();
    one.wave = row[wave].as<int>();
    one.attempt = row[attempt].as<int>();
    one.previous_release = optional_of<std::int64_t>(row[previous_release]);
    one.is = {.step = enum_of(row[state], parse_device_step),
              .cause = row[cause].as<std::string>(),
              .message = row[message].as<std::string>(),
              .source = row[source].as<std::string>(),
              .bytes = row[bytes].as<std::uint64_t>(),
              .full_bytes = row[full_bytes].as<std::uint64_t>(),
              .held = row[held].as<bool>(),
              .numbers = json_or_null(row[numbers].as<std::string>())};
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
                    {"held", move.to.held},
                    {"clock_from", json_of(move.clock_from)},
                    {"numbers", move.to.numbers},
                    {"notified_at", json_of(move.notified_at)},
                    {"started_at", json_of(move.started_at)},
                    {"finished_at", json_of(move.finished_at)},
                    {"previous", json_of(move.previous_release)}});
    --counts[move.wave][move.from_key];
    ++counts[move.wave][count_key(move.to.step, move.to.cause)];
  }
  transaction.exec_params0(
      R"sql(
        update rollout_devices q
        set state = i.state, cause = nullif(i.cause, ''), message = i.message, source = nullif(i.source, ''),
          bytes = i.bytes, full_bytes = i.full_bytes, numbers = i.numbers, held = i.held,
          clock_from = coalesce(i.clock_from, q.clock_from),
          notified_at = coalesce(i.notified_at, q.notified_at),
          started_at = coalesce(q.started_at, i.started_at), finished_at = i.finished_at,
          previous_release_id = coalesce(i.previous, q.previous_release_id), retry_at = null
        from jsonb_to_recordset($2::jsonb) as i(device text, state text, cause text, message text, source text,
          bytes bigint, full_bytes bigint, held boolean, clock_from timestamptz, numbers jsonb, notified_at timestamptz, started_at timestamptz,
          finished_at timestamptz, previous bigint)
        where q.rollout_id = $1 and q.device_id = i.device
      )sql",
      rollout, rows.dump(-1, ' ', false, Json::error_handler_t::replace));
  find_reach_of_those_that_come_back(transaction, rollout, moves);
  note_luck(transaction, rollout, moves);
  write_counts(transaction, rollout, counts);
}

}  // namespace argosy::server

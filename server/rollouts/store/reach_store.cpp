#include "server/rollouts/store/reach_store.hpp"

#include "server/db/advisory_locks.hpp"
#include "server/db/rows.hpp"
#include "server/devices/presence_sql.hpp"
#include "server/rollouts/core/state_sql.hpp"

namespace argosy::server {
namespace {

// Whether the row q is not as presence, in s, is now; of devices without an outcome.
const std::string& differs() {
  static const std::string sql =
      "q.state not in (" + sql_steps(is_terminal) + ") and (q.reachable_since is null) = (" + reachable_sql("s") + ")";
  return sql;
}

}  // namespace

// A device that goes away while its owner lets it wait is timed out from then: only a device that is there says that it
// waits. One at a time: of two, the one that read an older presence could write last.
std::size_t FollowPresence::operator()(pqxx::work& transaction) const {
  static const std::string follow = R"sql(
    update rollout_devices q
    set reachable_since = f.since,
      clock_from = case when q.held and f.since is null then greatest(q.started_at, f.presence_since) else q.clock_from end
    from (
      select q.rollout_id, q.device_id, s.presence_since, case when )sql" +
                                    reachable_sql("s") + R"sql( then s.presence_since end as since
      from rollout_devices q
      join device_state s on s.device_id = q.device_id
      where q.device_id in (select unnest($1::text[])) and )sql" +
                                    differs() + R"sql(
      order by q.rollout_id, q.device_id
      for update of q
    ) as f
    where q.rollout_id = f.rollout_id and q.device_id = f.device_id
  )sql";
  if (!transaction.exec1("select exists (select from rollout_reach_changes)")[0].as<bool>()) return 0;
  transaction.exec1(advisory_lock::wait_in_transaction(advisory_lock::rollout_reach));
  const auto taken = transaction.exec_params(
      R"sql(
        delete from rollout_reach_changes
        where id <= (select max(id) from (select id from rollout_reach_changes order by id limit $1) as oldest)
        returning device_id
      )sql",
      static_cast<std::int64_t>(limit));
  std::vector<std::string> devices;
  for (const auto& row : taken) devices.push_back(row[0].as<std::string>());
  if (!devices.empty()) transaction.exec_params0(follow, pg_array(devices));
  return devices.size();
}

void look_at_reach_again(pqxx::work& transaction, const std::vector<std::string>& devices) {
  if (devices.empty()) return;
  transaction.exec_params0("insert into rollout_reach_changes (device_id) select unnest($1::text[])",
                           pg_array(devices));
}

void look_at_reach_again(pqxx::work& transaction, std::int64_t rollout) {
  static const std::string sql = R"sql(
    insert into rollout_reach_changes (device_id)
    select q.device_id
    from rollout_devices q
    join device_state s on s.device_id = q.device_id
    where q.rollout_id = $1 and )sql" +
                                 differs();
  transaction.exec_params0(sql, rollout);
}

}  // namespace argosy::server

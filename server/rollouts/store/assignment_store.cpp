#include "server/rollouts/store/assignment_store.hpp"

#include <utility>

#include "common/base/text.hpp"
#include "server/db/rows.hpp"

namespace argosy::server {
namespace {

constexpr int most_rollouts_of_a_device = 500;  // the newest

DeviceAssignment assignment_of(const pqxx::row& row) {
  DeviceAssignment one;
  one.model = row["model"].as<std::string>();
  one.version = row["version"].as<std::string>();
  one.rollout = row["id"].as<std::int64_t>();
  one.rollout_name = row["name"].as<std::string>();
  one.stands = row["stands"].as<bool>();
  one.told_version = optional_of<std::string>(row["told_version"]);
  one.told_at = optional_of<Instant>(row["told_at"]);
  if (!row["state"].is_null()) one.step = enum_of(row["state"], parse_device_step);
  one.cause = row["cause"].as<std::string>("");
  one.message = row["message"].as<std::string>("");
  one.joined_at = optional_of<Instant>(row["joined_at"]);
  one.resting_until = optional_of<Instant>(row["resting_until"]);
  return one;
}

}  // namespace

Result<std::vector<DeviceAssignment>> ListAssignments::operator()(pqxx::work& transaction) const {
  if (transaction.exec_params("select from devices where id = $1", device).empty())
    return make_error(Errc::not_found, "there is no device '" + shortened(device) + "'");
  const auto rows = transaction.exec_params(
      R"sql(
        select r.model, l.version, r.id, r.name, r.stands_since is not null as stands, p.version as told_version,
          t.since as told_at, q.state, q.cause, q.message, q.joined_at, f.resting_until
        from (
          select rollout_id from rollout_devices where device_id = $1
          union
          select rollout_id from device_targets where device_id = $1
        ) as k
        join rollouts r on r.id = k.rollout_id
        join releases l on l.id = r.release_id
        left join rollout_devices q on q.rollout_id = r.id and q.device_id = $1
        left join device_targets t on t.device_id = $1 and t.model = r.model and t.rollout_id = r.id
        left join releases p on p.id = t.release_id
        left join device_failures f on f.device_id = $1 and f.model = r.model and f.resting_until > $2::timestamptz
        where r.started_at is not null
        order by r.model, r.started_at desc, r.id desc
        limit $3
      )sql",
      device, now, most_rollouts_of_a_device);
  std::vector<DeviceAssignment> list;
  for (const auto& row : rows) list.push_back(assignment_of(row));
  return that_matter(list);
}

}  // namespace argosy::server

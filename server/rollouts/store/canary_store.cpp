#include "server/rollouts/store/canary_store.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/devices/filter_sql.hpp"
#include "server/rollouts/guards/fleet_past_store.hpp"
#include "server/rollouts/store/decision_store.hpp"

namespace argosy::server {
namespace {

std::vector<ClassCount> with_canaries(std::uint64_t seed, const ClassSizes& devices,
                                      const std::vector<double>& shares) {
  const auto canaries = count_waves(seed, devices, shares).front();
  std::vector<ClassCount> classes;
  for (const auto& [name, count] : devices) classes.push_back({name, count, canaries.find(name)->second});
  return classes;
}

// As its rows are.
std::vector<ClassCount> load_classes(pqxx::work& transaction, std::int64_t rollout) {
  const auto rows = transaction.exec_params(
      R"sql(
        select d.hardware_class, count(*), count(*) filter (where q.wave = 0)
        from rollout_devices q
        join devices d on d.id = q.device_id
        where q.rollout_id = $1
        group by 1
        order by 1
      )sql",
      rollout);
  std::vector<ClassCount> classes;
  for (const auto& row : rows)
    classes.push_back({row[0].as<std::string>(), row[1].as<std::uint64_t>(), row[2].as<std::uint64_t>()});
  return classes;
}

ClassSizes sizes_of(const std::vector<ClassCount>& classes) {
  ClassSizes sizes;
  for (const auto& one : classes) sizes[one.name] = one.devices;
  return sizes;
}

std::string load_summary(pqxx::work& transaction, std::int64_t rollout) {
  const auto row = transaction.exec_params1("select canary_reach ->> 'summary' from rollouts where id = $1", rollout);
  return row[0].as<std::string>("");
}

bool requires_a_guard(const Policy& policy) {
  return std::any_of(policy.guards.begin(), policy.guards.end(),
                     [](const auto& guard) { return guard.mode == GuardMode::required; });
}

}  // namespace

ClassSizes count_classes(pqxx::work& transaction, const Filter& filter) {
  const auto condition = to_sql(filter, 1);
  const auto rows = transaction.exec_params(R"sql(
        select d.hardware_class, count(*)
        from devices d
        left join device_state s on s.device_id = d.id
        where d.revoked_at is null and )sql" + condition.text +
                                                " group by 1",
                                            pqxx::prepare::make_dynamic_params(condition.parameters));
  ClassSizes sizes;
  for (const auto& row : rows) sizes[row[0].as<std::string>()] = row[1].as<std::uint64_t>();
  return sizes;
}

ClassSizes count_classes(pqxx::work& transaction, std::int64_t rollout) {
  return sizes_of(load_classes(transaction, rollout));
}

Result<PlannedWaves> planned_waves(const Policy& policy, std::uint64_t seed, const ClassSizes& devices) {
  std::uint64_t all = 0;
  for (const auto& [name, count] : devices) all += count;
  PlannedWaves planned;
  planned.shares = cumulative_shares(policy.waves, static_cast<std::int64_t>(all));
  planned.classes = with_canaries(seed, devices, planned.shares);
  planned.written_as = canaries_of(planned.classes);
  ARGOSY_TRY(const auto waves, waves_for(policy, planned.classes));
  if (waves == policy.waves) return planned;
  planned.shares = cumulative_shares(waves, static_cast<std::int64_t>(all));
  planned.classes = with_canaries(seed, devices, planned.shares);
  return planned;
}

Result<std::string> find_canary_refusal(pqxx::work& transaction, const RolloutRecord& record) {
  if (!requires_a_guard(record.policy)) return std::string();
  ARGOSY_TRY(const auto filter, parse_filter(record.filter));
  const auto sizes = count_classes(transaction, filter);
  if (sizes.empty()) return std::string();  // another refusal says that nobody matches
  ARGOSY_TRY(const auto planned, planned_waves(record.policy, record.seed, sizes));
  return canary_refusal(record.policy, planned.classes);
}

Result<void> tell_reach(pqxx::work& transaction, const RolloutRecord& record, Instant now) {
  if (record.policy.guards.empty() || record.planning) return {};
  const auto classes = load_classes(transaction, record.id);
  if (classes.empty()) return {};
  ARGOSY_TRY(const auto filter, parse_filter(record.filter));
  const auto past = load_fleet_past(
      transaction, filter, {record.model, record.version, std::chrono::seconds(record.policy.baseline_s), now});
  ARGOSY_TRY(const auto planned, planned_waves(record.policy, record.seed, sizes_of(classes)));
  ARGOSY_TRY(const auto reach, reach_of(record.policy, classes, past, planned.written_as));
  const auto document = encode(reach);
  const auto told = load_summary(transaction, record.id);
  transaction.exec_params0("update rollouts set canary_reach = $2::jsonb where id = $1", record.id, document.dump());
  if (told == reach.summary) return {};
  log_decision(transaction, record, "engine", {"reach", "what the canary can tell", reach.summary, document}, now);
  return {};
}

std::string load_canary_reach(pqxx::work& transaction, std::int64_t rollout) {
  return transaction.exec_params1("select canary_reach from rollouts where id = $1", rollout)[0].as<std::string>("");
}

}  // namespace argosy::server

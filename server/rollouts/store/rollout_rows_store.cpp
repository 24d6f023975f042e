#include "server/rollouts/store/rollout_rows_store.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"

namespace argosy::server {
namespace {

Counts counts_of(const pqxx::field& field) {
  return read_json<Counts>(field.as<std::string>()).value();
}

// A reader of what is stored, as written here or by hand: what cannot be read becomes the rollout's fault, not an
// error.
template <class Read>
void read_or_fault(std::string& fault, const std::string& what, Read read) {
  const auto keep = [&](const std::string& why) {
    if (fault.empty()) fault = "its " + what + " cannot be read: " + why;
  };
  try {
    if (const Result<void> outcome = read(); !outcome) keep(outcome.error().message);
  } catch (const std::exception&) {
    keep("it is not of the form that is written here");
  }
}

std::vector<WaveRecord> load_waves(pqxx::work& transaction, std::int64_t id, std::string& fault) {
  static const Statement find_waves{"find_waves", R"sql(
    select share, planned, counts, opened_at, bake_started_at, passed_at, queued_reachable, running_reachable,
      fetching_reachable, suspects, going_back_reachable, too_few
    from rollout_waves
    where rollout_id = $1
    order by wave
  )sql"};
  std::vector<WaveRecord> waves;
  for (const auto& row : exec_prepared(transaction, find_waves, id)) {
    waves.push_back({row["share"].as<double>(),
                     row["planned"].as<std::int64_t>(),
                     {},
                     optional_of<Instant>(row["opened_at"]),
                     optional_of<Instant>(row["bake_started_at"]),
                     optional_of<Instant>(row["passed_at"]),
                     {.queued = row["queued_reachable"].as<std::int64_t>(),
                      .running = row["running_reachable"].as<std::int64_t>(),
                      .fetching = row["fetching_reachable"].as<std::int64_t>(),
                      .suspects = row["suspects"].as<std::int64_t>(),
                      .going_back = row["going_back_reachable"].as<std::int64_t>()},
                     row["too_few"].as<std::int64_t>()});
    read_or_fault(fault, "counts of " + wave_name(static_cast<int>(waves.size()) - 1), [&]() -> Result<void> {
      waves.back().counts = counts_of(row["counts"]);
      return {};
    });
  }
  return waves;
}

}  // namespace

Result<RolloutRecord> load_rollout(pqxx::work& transaction, std::int64_t id, Lock lock) {
  static const std::string sql = R"sql(
    select r.name, r.model, l.version, r.release_id, r.filter, r.policy, r.seed, r.state, r.reason, r.wave,
      r.version as etag, r.created_by, r.created_at, r.started_at, r.ended_at, r.told_up_to,
      r.guards_unmeasured, x.at as withdrawn_at, x.actor as withdrawn_by, x.reason as withdrawn_because,
      r.pace_spent_until, r.start_at, r.approved_by, r.created_by_person, r.promote_all, r.overrides_guards, r.looked_for_more_at,
      r.standing, r.stands_since, r.newcomers,
      p.done as planned, p.total as to_plan
    from rollouts r
    join releases l on l.id = r.release_id
    left join release_withdrawals x on x.release_id = r.release_id
    left join rollout_plans p on p.rollout_id = r.id
    where r.id = $1
  )sql";
  static const Statement find_rollout{"find_rollout", sql};
  static const Statement lock_rollout{"lock_rollout", sql + "for update of r"};
  const auto rows = exec_prepared(transaction, lock == Lock::row ? lock_rollout : find_rollout, id);
  if (rows.empty()) return make_error(Errc::not_found, "there is no rollout " + std::to_string(id));
  const auto row = rows[0];
  RolloutRecord record;
  record.id = id;
  record.name = row["name"].as<std::string>();
  record.model = row["model"].as<std::string>();
  record.version = row["version"].as<std::string>();
  record.release_id = row["release_id"].as<std::int64_t>();
  record.filter = row["filter"].as<std::string>();
  read_or_fault(record.fault, "policy", [&]() -> Result<void> {
    ARGOSY_TRY(record.policy, decode_policy(json_or_null(row["policy"].as<std::string>())));
    return {};
  });
  if (!record.fault.empty()) record.policy.guards.clear();  // no verdicts by a policy that nobody wrote
  record.seed = static_cast<std::uint64_t>(row["seed"].as<std::int64_t>());
  ARGOSY_TRY(record.state, parse_rollout_state(row["state"].as<std::string>()));
  record.reason = row["reason"].as<std::string>();
  record.wave = row["wave"].as<int>();
  record.etag = row["etag"].as<std::int64_t>();
  record.created_by = row["created_by"].as<std::string>();
  record.created_by_person = row["created_by_person"].as<std::string>();
  record.approved_by = row["approved_by"].as<std::string>();
  record.start_at = optional_of<Instant>(row["start_at"]);
  record.looked_for_more_at = optional_of<Instant>(row["looked_for_more_at"]);
  record.promote_all = row["promote_all"].as<bool>();
  record.overrides_guards = row["overrides_guards"].as<bool>();
  record.standing = row["standing"].as<bool>();
  record.stands_since = optional_of<Instant>(row["stands_since"]);
  record.newcomers = row["newcomers"].as<std::int64_t>();
  record.created_at = row["created_at"].as<Instant>();
  record.started_at = optional_of<Instant>(row["started_at"]);
  record.ended_at = optional_of<Instant>(row["ended_at"]);
  record.guards_unmeasured = row["guards_unmeasured"].as<std::string>();
  if (const auto at = optional_of<Instant>(row["withdrawn_at"]))
    record.withdrawn = {*at, row["withdrawn_by"].as<std::string>(), row["withdrawn_because"].as<std::string>()};
  record.told_up_to = optional_of<std::string>(row["told_up_to"]);
  record.pace_spent_until = optional_of<Instant>(row["pace_spent_until"]);
  if (const auto done = optional_of<std::int64_t>(row["planned"]))
    record.planning = Planning{*done, optional_of<std::int64_t>(row["to_plan"])};
  record.waves = load_waves(transaction, id, record.fault);
  if (record.wave < 0 || record.wave >= static_cast<int>(record.waves.size())) {
    if (record.fault.empty()) record.fault = wave_name(record.wave) + ", which is open, is not one of its waves";
    record.wave = 0;
  }
  return record;
}

}  // namespace argosy::server

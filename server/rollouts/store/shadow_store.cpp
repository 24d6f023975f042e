#include "server/rollouts/store/shadow_store.hpp"

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/db/statement.hpp"

namespace argosy::server {

const std::string shadow_columns =
    "h.samples as shadow_samples, h.unanswered as shadow_unanswered, h.agreed as shadow_agreed, h.labelled as "
    "shadow_labelled, h.old_right as shadow_old_right, h.new_right as shadow_new_right, h.both_right as "
    "shadow_both_right";

std::optional<wire::ShadowCounts> shadow_of(const pqxx::row& row) {
  if (row["shadow_samples"].is_null()) return std::nullopt;
  return wire::ShadowCounts{.samples = row["shadow_samples"].as<std::uint64_t>(),
                            .unanswered = row["shadow_unanswered"].as<std::uint64_t>(),
                            .agreed = row["shadow_agreed"].as<std::uint64_t>(),
                            .labelled = row["shadow_labelled"].as<std::uint64_t>(),
                            .old_right = row["shadow_old_right"].as<std::uint64_t>(),
                            .new_right = row["shadow_new_right"].as<std::uint64_t>(),
                            .both_right = row["shadow_both_right"].as<std::uint64_t>()};
}

void save_shadows(pqxx::work& transaction, const std::vector<ShadowReport>& reports, Instant now) {
  if (reports.empty()) return;
  nlohmann::json rows = nlohmann::json::array();
  for (const ShadowReport& report : reports) {
    nlohmann::json row = wire::json_of(report.counts);
    row["rollout"] = report.rollout;
    row["device"] = report.device;
    row["attempt"] = report.attempt;
    rows.push_back(std::move(row));
  }
  static const Statement save{"save_shadows", R"sql(
    insert into rollout_shadows as h (rollout_id, device_id, attempt, samples, unanswered, agreed, labelled, old_right,
      new_right, both_right, at)
    select rollout, device, attempt, samples, unanswered, agreed, labelled, old_right, new_right, both_right,
      $2::timestamptz
    from jsonb_to_recordset($1::jsonb) as r(rollout bigint, device text, attempt int, samples bigint, unanswered bigint,
      agreed bigint, labelled bigint, old_right bigint, new_right bigint, both_right bigint)
    order by rollout, device
    on conflict (rollout_id, device_id) do update
    set attempt = excluded.attempt, samples = excluded.samples, unanswered = excluded.unanswered,
      agreed = excluded.agreed, labelled = excluded.labelled, old_right = excluded.old_right,
      new_right = excluded.new_right, both_right = excluded.both_right, at = excluded.at
    where (excluded.attempt, excluded.samples) > (h.attempt, h.samples)
  )sql"};
  exec_prepared(transaction, save, rows.dump(), now);
}

}  // namespace argosy::server

#include "server/rollouts/store/acknowledgement_store.hpp"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"

namespace argosy::server {

Acknowledged load_acknowledged(pqxx::work& transaction, std::int64_t rollout) {
  static const Statement find_acknowledged{"find_acknowledged", R"sql(
    select jsonb_build_object('failures', failures, 'guards', guards)
    from rollout_acknowledgements
    where rollout_id = $1
  )sql"};
  const auto rows = exec_prepared(transaction, find_acknowledged, rollout);
  Acknowledged seen;
  if (rows.empty()) return seen;
  auto inputs = JsonReader::parse(rows[0][0].as<std::string>(), stored_json, UnknownKeys::pass);
  if (!inputs) return {};
  std::vector<std::string> guards;
  inputs->optional("failures", seen.failures).optional("guards", guards);
  if (!inputs->finish()) return {};
  for (const auto& name : guards)
    if (auto metric = metric_of(name)) seen.guards.push_back(std::move(*metric));
  return seen;
}

void keep_acknowledged(pqxx::work& transaction, std::int64_t rollout, const std::string& actor,
                       const Acknowledged& seen, Instant now) {
  const auto document = acknowledged_to_json(seen);
  transaction.exec_params0(
      R"sql(
        insert into rollout_acknowledgements (rollout_id, at, actor, failures, guards)
        values ($1, $2::timestamptz, $3, $4::jsonb, $5::jsonb)
        on conflict (rollout_id) do update set at = excluded.at, actor = excluded.actor,
          failures = excluded.failures, guards = excluded.guards
      )sql",
      rollout, now, actor, document["failures"].dump(), document["guards"].dump());
}

nlohmann::json acknowledged_to_json(const Acknowledged& seen) {
  auto metrics = nlohmann::json::array();
  for (const auto& metric : seen.guards) metrics.push_back(to_string(metric));
  return {{"failures", seen.failures}, {"guards", std::move(metrics)}};
}

}  // namespace argosy::server

#include "server/rollouts/store/decision_store.hpp"

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

using Json = nlohmann::json;

void log_decision(pqxx::work& transaction, const RolloutRecord& record, const std::string& actor,
                  const Decision& decision, Instant now, const std::string& severity, const std::string& event_kind) {
  transaction.exec_params0(
      R"sql(
        insert into rollout_decisions (rollout_id, at, actor, rule, decision, message, inputs)
        values ($1, $2::timestamptz, $3, $4, $5, $6, $7::jsonb)
      )sql",
      record.id, now, actor, decision.rule, decision.decision, decision.message, decision.inputs.dump());
  const Json details{{"actor", actor}, {"rule", decision.rule}, {"decision", decision.decision}};
  append_event(transaction, {.kind = event_kind,
                             .severity = severity,
                             .device_id = std::nullopt,
                             .rollout_id = record.id,
                             .model = record.model,
                             .message = record.name + ": " + decision.decision + ": " + decision.message,
                             .details_json = details.dump()});
}

}  // namespace argosy::server

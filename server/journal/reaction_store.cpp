#include "server/journal/reaction_store.hpp"

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

std::string ReactionInHand::actor() const {
  return "rule:" + rule + " v" + std::to_string(rule_version);
}

std::string ReactionInHand::because() const {
  return "alert " + std::to_string(alert) + ": " + message;
}

std::string_view to_string(ReactionEnd end) {
  switch (end) {
    case ReactionEnd::done:
      return "done";
    case ReactionEnd::left:
      return "left";
    case ReactionEnd::failed:
      return "failed";
  }
  return "failed";
}

std::optional<ReactionInHand> take_reaction(pqxx::work& transaction, std::int64_t id) {
  const auto rows = transaction.exec_params(
      R"sql(
        select e.id, e.reaction, e.alert_id, e.rule, e.rule_version, coalesce(a.device_id, '') as device,
          coalesce(a.site, '') as site, a.rollout_id, a.model, a.message
        from rule_reactions e
        join alerts a on a.id = e.alert_id
        where e.id = $1 and e.state = 'waiting'
        for update of e
      )sql",
      id);
  if (rows.empty()) return std::nullopt;
  const auto row = rows[0];
  return ReactionInHand{.id = id,
                        .reaction = row["reaction"].as<std::string>(),
                        .alert = row["alert_id"].as<std::int64_t>(),
                        .rule = row["rule"].as<std::string>(),
                        .rule_version = row["rule_version"].as<std::int64_t>(),
                        .device = row["device"].as<std::string>(),
                        .site = row["site"].as<std::string>(),
                        .rollout = optional_of<std::int64_t>(row["rollout_id"]),
                        .model = row["model"].as<std::string>(),
                        .message = row["message"].as<std::string>()};
}

void end_reaction(pqxx::work& transaction, const ReactionInHand& reaction, ReactionEnd end, const std::string& outcome,
                  const nlohmann::json& details, Instant now) {
  transaction.exec_params0(
      R"sql(
        update rule_reactions
        set state = $2, outcome = $3, details = $4::jsonb, ended_at = $5::timestamptz
        where id = $1
      )sql",
      reaction.id, std::string(to_string(end)), outcome, details.dump(), now);
  NewEvent event;
  event.kind = "reaction." + std::string(to_string(end));
  event.severity = end == ReactionEnd::left ? "info" : "warning";
  if (!reaction.device.empty()) event.device_id = reaction.device;
  event.rollout_id = reaction.rollout;
  if (!reaction.model.empty()) event.model = reaction.model;
  event.message = reaction.actor() + ", " + reaction.because() + " - " + outcome;
  nlohmann::json about{{"reaction", reaction.id},
                       {"do", reaction.reaction},
                       {"alert", reaction.alert},
                       {"rule", reaction.rule},
                       {"rule_version", reaction.rule_version}};
  about.update(details);
  event.details_json = about.dump();
  append_event(transaction, event);
}

}  // namespace argosy::server

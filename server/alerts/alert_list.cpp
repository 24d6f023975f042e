#include "server/alerts/alert_list.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"

namespace argosy::server {

using nlohmann::json;

std::string moment_to_json(const AlertMoment& moment) {
  return json{{"id", moment.id},         {"alert", moment.alert},
              {"rule", moment.rule},     {"subject", moment.subject},
              {"model", moment.model},   {"at", to_rfc3339(moment.at)},
              {"change", moment.change}, {"actor", moment.actor.empty() ? json(nullptr) : json(moment.actor)},
              {"reason", moment.reason}}
      .dump();
}

std::string alert_with_history_to_json(const AlertWithHistory& found) {
  auto document = json_or_null(alert_to_json(found.alert));
  document["stands_for"] = found.stands_for;
  document["history"] = json::array();
  for (const auto& moment : found.history) document["history"].push_back(json_or_null(moment_to_json(moment)));
  return document.dump();
}

std::string groups_to_json(const std::vector<AlertGroup>& groups) {
  auto items = json::array();
  for (const auto& group : groups)
    items.push_back({{"key", group.key},
                     {"severity", group.severity.empty() ? json(nullptr) : json(group.severity)},
                     {"firing", group.firing},
                     {"pending", group.pending},
                     {"resolved", group.resolved},
                     {"inhibited", group.inhibited},
                     {"silenced", group.silenced},
                     {"acknowledged", group.acknowledged},
                     {"rules", group.rules},
                     {"newest_at", to_rfc3339(group.newest_at)}});
  return json{{"items", items}}.dump();
}

}  // namespace argosy::server

// What the rules, which are data, say of the alerts that are found: how severe they are, whether they count at all, on
// which devices, and which route tells of them. Read once for each version of the rules, whose name is one value in the
// database, and shared by all threads. On DB threads, inside a transaction.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/alerts/alert.hpp"
#include "server/devices/filter.hpp"

namespace argosy::server {

struct SaidOfRule {
  std::string severity;
  bool is_enabled = true;
  Filter filter = {};      // of one with a judge of its own: the engine knows its rules' filters itself
  std::string model = {};  // likewise; empty: of any
  std::string route = {};  // that there is; empty: none
  bool has_scope() const { return filter.root.has_value() || !model.empty(); }
};
using SaidOfRules = std::map<std::string, SaidOfRule, std::less<>>;  // by name

std::shared_ptr<const SaidOfRules> what_rules_say(pqxx::work& transaction);

// The findings that count, as severe as their rules say. What a rule that is disabled, or is for other devices or
// another model, finds does not count; but that it is over does.
std::vector<AlertFinding> as_rules_say(pqxx::work& transaction, const std::vector<AlertFinding>& findings);

}  // namespace argosy::server

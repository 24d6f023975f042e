// Health samples as they lie in the database, for those who judge rules. On DB threads, inside their transactions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/rules/rule_table.hpp"

namespace argosy::server {

// What one rule looks at, by device, in the order of time.
std::map<std::string, std::vector<RuleFigure>> read_health_figures(pqxx::work& transaction, const ReadyRule& rule,
                                                                   const std::vector<std::string>& devices,
                                                                   Instant from, Instant to);

struct HealthWanted {
  std::string device;
  Instant after{};
};
// Whole samples, at most `most` of each device, the oldest first.
std::map<std::string, std::vector<TakenHealth>> read_health(pqxx::work& transaction,
                                                            const std::vector<HealthWanted>& wanted, std::size_t most);

}  // namespace argosy::server

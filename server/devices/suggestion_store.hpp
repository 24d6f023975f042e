// The SQL of what devices' own configuration files say of them: functors for DbPool::transact, run on the DB threads.
#pragma once

#include <string>

#include <pqxx/pqxx>

#include "server/devices/suggestion.hpp"

namespace argosy::server {

// What the rule takes is applied, the rest waits as a suggestion. A device that tells for the first time suggests
// nothing. Of one that is revoked or unknown nothing is noted.
void note_declaration(pqxx::work& transaction, const std::string& device, const Declaration& file,
                      const SuggestionRule& rule);

// To be called when a device tells its board for the first time, or another one: it may be the only one of its kind
// with its class.
void note_board(pqxx::work& transaction, const std::string& device);

// Errc::not_found without such a device, conflict where it suggests nothing.
struct SettleSuggestion {
  DeviceId id;
  bool take = false;
  std::string actor;
  Result<void> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

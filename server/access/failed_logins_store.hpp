// The SQL that writes failed sign-ins into the audit log: a functor for DbPool::transact.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/access/failed_logins.hpp"

namespace argosy::server {

struct AppendFailedLogins {
  std::vector<FailedLogins::Count> counts;
  std::string reason;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

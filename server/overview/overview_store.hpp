// The SQL behind the overview. A functor for DbPool::transact; reads only, and no more than the last minutes of
// windows.
#pragma once

#include <pqxx/pqxx>

#include "server/overview/overview_service.hpp"

namespace argosy::server {

struct ReadOverview {
  Instant now;
  OverviewOptions options;
  Overview operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

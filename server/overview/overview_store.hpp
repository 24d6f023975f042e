// The SQL behind the overview. Functors for DbPool::transact, one for each panel, so that one that cannot be read takes
// no other with it. Read only, and no windows: what is told of these is what the instances keep count of.
#pragma once

#include <vector>

#include <pqxx/pqxx>

#include "server/overview/overview_service.hpp"

namespace argosy::server {

// What one panel shows, written into `overview`.
struct ReadPanel {
  using Read = void (*)(pqxx::work& transaction, Instant now, const OverviewOptions& options, Overview& overview);
  Read read;
  Instant now;
  OverviewOptions options;
  Overview operator()(pqxx::work& transaction) const;
};

struct Panel {
  const char* name;  // as in Overview::unavailable
  ReadPanel::Read read;
  void (*take)(Overview& from, Overview& into);  // moves what `read` has written
};
const std::vector<Panel>& overview_panels();

}  // namespace argosy::server

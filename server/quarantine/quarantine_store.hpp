// The SQL of the quarantine. Functors for DbPool::transact: they own their arguments and may be repeated.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/quarantine/quarantine.hpp"

namespace argosy::server {

struct LoadQuarantine {  // the newest rows, at most so many
  std::size_t limit;
  std::vector<QuarantineRow> operator()(pqxx::work& transaction) const;
};

struct SaveQuarantine {  // with the events that tell of it; rows of devices that are not enrolled are left out
  std::vector<Quarantine::Change> changes;
  void operator()(pqxx::work& transaction) const;
};

struct ReadQuarantine {  // Errc::not_found without such a device
  std::string device;
  Result<std::vector<QuarantineRow>> operator()(pqxx::work& transaction) const;
};

struct ClearQuarantine {  // rows that ended before, and those that nobody touched for three times as long
  Instant now;
  Duration kept;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

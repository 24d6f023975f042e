// Daily partitions of the telemetry tables: made ahead, dropped when they are past the retention. What is older than
// the oldest partition lies in a default partition until the next upkeep makes its day; nothing stays there.
#pragma once

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::server {

struct KeepPartitions {
  Instant now;
  int ahead_days = 3;
  int retention_days = 30;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

// Partitions by day, or by month, of what is kept of telemetry: made ahead, dropped when they are past their retention.
// What is older than the oldest partition lies in a default partition until the next upkeep makes its own; nothing
// stays there. (Hours of telemetry_windows are stored/closing_store's.)
#pragma once

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::server {

struct KeepPartitions {
  Instant now;
  int ahead_days = 3;
  int retention_days = 30;         // of windows and health samples
  int hours_retention_days = 90;   // of windows added up by hours
  int days_retention_days = 1095;  // of windows added up by days
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

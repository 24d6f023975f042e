// Partitions by day, or by month, of what is kept of telemetry: made ahead, dropped when they are past their retention.
// What is older than the oldest partition lies in a default partition until the next upkeep makes its own; nothing
// stays there. (Hours of telemetry_windows are stored/closing_store's.) Functors for DbPool::transact.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::server {

// How long it is waited for those who read a partition: behind one who waits for it, everybody else would wait, too,
// and a backup reads for hours. Then it is SQLSTATE 55P03 (lock_not_available), for another attempt.
inline constexpr std::chrono::milliseconds partitions_patience{250};

struct PastPartitions {
  std::string table;
  std::vector<std::string> partitions;  // the oldest first, at most `most`; never none
  // Each that is dropped takes some of the locks that PostgreSQL has room for.
  static constexpr int most = 50;
};

// Makes partitions, moves what waited for them, and says from when on each level is read. Answers what is past its
// retention and still there.
struct KeepPartitions {
  Instant now;
  int ahead_days = 3;
  int retention_days = 30;         // of windows and health samples
  int hours_retention_days = 90;   // of windows added up by hours
  int days_retention_days = 1095;  // of windows added up by days
  std::vector<PastPartitions> operator()(pqxx::work& transaction) const;
};

// Takes the table from readers and ingest for some milliseconds.
struct DropPartitions {
  PastPartitions past;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

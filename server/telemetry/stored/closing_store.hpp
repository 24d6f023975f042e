// Hours of telemetry_windows: made ahead, and taken out when they are over, to wait under telemetry_closed until they
// are packed. What came for other hours lies in the default partition; it is taken out whole with the next hour.
// Nobody's rows are read or moved: ingest and readers wait some milliseconds for it once an hour, or it gives up and
// comes again. A functor for DbPool::transact.
#pragma once

#include <chrono>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"

namespace argosy::server {

struct CloseHours {
  Instant now;
  Duration grace{600'000};  // an hour is waited for that long: what comes later is packed apart
  std::chrono::hours ahead{6};

  // Errors: pqxx::sql_error with SQLSTATE 55P03 (lock_not_available) when readers did not let go within `patience`.
  static constexpr std::chrono::milliseconds patience{250};
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

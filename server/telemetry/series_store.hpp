// The SQL behind a device's charts. Functors for DbPool::transact; they read only.
#pragma once

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "server/telemetry/series.hpp"
#include "server/telemetry/stored/stored_telemetry_store.hpp"

namespace argosy::server {

// How long windows usually are at the end of the range; nought where there are none.
struct FindUsualLength {
  StoredRange range;  // of few devices
  Duration operator()(pqxx::work& transaction) const;
};

// Steps of an hour or a day are read from sums. Of health the newest 50,000 samples.
struct ReadSeries {
  SeriesQuery query;
  Result<Series> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

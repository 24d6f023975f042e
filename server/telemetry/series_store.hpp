// The SQL behind a device's charts. A functor for DbPool::transact; reads only.
#pragma once

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "server/telemetry/series.hpp"

namespace argosy::server {

struct ReadSeries {
  SeriesQuery query;
  Result<Series> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

// The SQL of what devices measured in validation: read by bins from an index of its own, never row by row. On DB
// threads.
#pragma once

#include <cstdint>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "server/rollouts/core/validation_numbers.hpp"

namespace argosy::server {

struct GetValidationNumbers {
  std::int64_t id = 0;
  Result<ValidationNumbers> operator()(pqxx::work& transaction) const;  // Errc::not_found
};

// For this capability's *_store.cpp.
MetricValues read_metric_values(pqxx::work& transaction, std::int64_t rollout);

}  // namespace argosy::server

// The SQL of retention: one rule, one slice, one transaction. Writes tables of every capability, as the one that may,
// and deletes only.
#pragma once

#include <cstddef>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/retention/retention.hpp"

namespace argosy::server {

struct RemoveOld {
  RetentionRule rule;
  Instant before{};
  std::size_t limit = 1000;
  std::size_t operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

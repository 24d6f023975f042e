// The SQL that offers patches which became ready to devices that were told before: a functor for DbPool::transact, run
// on a DB thread; it may be repeated.
#pragma once

#include <cstddef>

#include <pqxx/pqxx>

#include "server/rollouts/desired/desired_builder_store.hpp"

namespace argosy::server {

struct OfferNewPatches {  // answers how many documents are due for it
  ReleaseCache& cache;
  std::size_t limit = 0;  // of devices that are looked at; the next call goes on
  std::size_t operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

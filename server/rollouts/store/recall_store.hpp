// The SQL of withdrawing and recalling a release: functors for DbPool::transact, run on a DB thread. They own their
// arguments and may be repeated. A recall is one transaction: the withdrawal, and each roll back; of two at once the
// second finds nothing left to do.
#pragma once

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/recall.hpp"

namespace argosy::server {

// Errc::not_found (model, release). The first reason stays.
struct WithdrawRelease {
  RecallCall call;
  Instant now;
  Result<Recalled> operator()(pqxx::work& transaction) const;
};

struct RecallRelease {
  RecallCall call;
  Instant now;
  Result<Recalled> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

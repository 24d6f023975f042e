// The SQL of making rollouts and of reading them: functors for DbPool::transact, run on the DB threads. They own their
// arguments and may be repeated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

// A draft, with its plan or on its way to one. Errc::not_found (model, version), filter_syntax.
struct CreateRollout {
  NewRollout wanted;
  std::string actor;
  Instant now;
  Result<RolloutRecord> operator()(pqxx::work& transaction) const;
};

// That it may be made: the release's id. Errc::not_found, conflict, invalid_argument.
Result<std::int64_t> check_new_rollout(pqxx::work& transaction, const NewRollout& wanted, Instant now);

struct GetRollout {  // Errc::not_found, as for all that take an id
  std::int64_t id = 0;
  Result<RolloutRecord> operator()(pqxx::work& transaction) const;
};

struct GetRolloutDetails {
  std::int64_t id = 0;
  Instant now;
  Result<RolloutDetails> operator()(pqxx::work& transaction) const;
};

struct ListRollouts {  // newest first, with an id under `before`
  std::int64_t before = 0;
  std::size_t limit = 0;
  Result<RolloutPage<RolloutRecord>> operator()(pqxx::work& transaction) const;
};

struct ListRolloutDevices {  // by device id, behind `after`
  std::int64_t id = 0;
  std::string key;  // a state, a failure's cause, or empty for all
  std::string after;
  std::size_t limit = 0;
  Instant now;
  Result<RolloutPage<RolloutDeviceRecord>> operator()(pqxx::work& transaction) const;
};

struct ListDecisions {  // newest first, with an id under `before`
  std::int64_t id = 0;
  std::int64_t before = 0;
  std::size_t limit = 0;
  Result<RolloutPage<DecisionRecord>> operator()(pqxx::work& transaction) const;
};

// Rollouts that a tick may have something to do for: those that are being stopped first, then the oldest first.
struct ListActiveRollouts {
  std::vector<RolloutRecord> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

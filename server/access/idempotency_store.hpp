// The SQL of Idempotency-Keys: functors for DbPool::transact, run on the DB threads.
#pragma once

#include <optional>
#include <string>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::server {

struct StoredResponse {
  int status = 0;  // 0: the change was made, but its server died before it answered
  std::string body;
  std::string object;  // what was changed: "rollout/3"
};

// Takes the key for this request and gives the attempt's number, or the response that it had before.
// Errc::idempotency_mismatch when the key belongs to another request, Errc::conflict while that request is under way.
struct BeginIdempotent {
  struct Outcome {
    std::int64_t attempt = 0;
    std::optional<StoredResponse> earlier;
  };
  std::string actor, key, route, body_digest;
  Instant now;
  Duration give_up;  // a request that has not ended after this never will: its server died
  Result<Outcome> operator()(pqxx::work& transaction) const;
};

// Inside the transaction that makes the change, last before its commit. Errc::conflict when the key is not this
// attempt's any more: then the change must not be made, another attempt is at it.
struct MarkIdempotent {
  std::string actor, key;
  std::int64_t attempt = 0;
  Result<void> operator()(pqxx::work& transaction) const;
};

struct FinishIdempotent {
  std::string actor, key;
  std::int64_t attempt = 0;
  std::optional<StoredResponse> response;  // none: the key is free again, unless the change was made
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

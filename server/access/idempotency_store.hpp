// The SQL of Idempotency-Keys: functors for DbPool::transact, run on the DB threads.
#pragma once

#include <optional>
#include <string>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::server {

struct StoredResponse {
  int status = 0;
  std::string body;
};

// Takes the key for this request (nullopt), or gives the response that it had before. Errc::idempotency_mismatch when
// the key belongs to another request, Errc::conflict while that request is under way.
struct BeginIdempotent {
  std::string actor, key, route, body_digest;
  Instant now;
  Duration give_up;  // a request that has not ended after this never will: its server died
  Result<std::optional<StoredResponse>> operator()(pqxx::work& transaction) const;
};

struct FinishIdempotent {
  std::string actor, key;
  std::optional<StoredResponse> response;  // none: the key is free again
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

// Idempotency-Key on POST: the same request again gets the first one's response instead of being done twice. Wraps
// every handler of the operator listener. Coroutines on the I/O thread.
#pragma once

#include "server/http/router.hpp"

namespace argosy::server {

class DbPool;

class Idempotency {
 public:
  explicit Idempotency(DbPool& db) : db_(db) {}
  // Calls the route's handler, unless an earlier response answers. Responses that show a secret once (tokens, claims,
  // users, logins) are never kept, so their routes ignore the key.
  Task<Result<Response>> around(const Route& route, Request& request);

 private:
  Task<Result<Response>> run_once(const Route& route, Request& request, std::string key);
  DbPool& db_;
};

}  // namespace argosy::server

// Idempotency-Key on POST: the same request again gets the first one's response instead of being done twice. The key is
// marked in the same commit as the change, so that nothing between the two can repeat it. Wraps every handler of the
// operator listener, and gives each change the address it comes from. Coroutines on the I/O thread.
#pragma once

#include <string>

#include "common/base/error.hpp"
#include "server/base/task.hpp"
#include "server/http/response.hpp"

namespace argosy::server {

class Router;
struct Request;
struct Route;

class DbPool;

class Idempotency {
 public:
  // `router` has the GET routes that tell what a change came to when its own response was lost; it outlives this.
  Idempotency(DbPool& db, const Router& router) : db_(db), router_(router) {}
  // Calls the route's handler, unless an earlier response answers. Responses that show a secret once (tokens, claims,
  // users, logins) are never kept, so their routes ignore the key.
  Task<Result<Response>> around(const Route& route, Request& request);

 private:
  Task<Result<Response>> run_once(const Route& route, Request& request, std::string key);
  Task<Result<Response>> outcome_of(Request& request, std::string object);
  DbPool& db_;
  const Router& router_;
};

// Calls the route's handler, and the changes that it makes know from which address they were asked for.
Task<Result<Response>> handle_with_origin(const Route& route, Request& request);

// Where a changed object can be read: "rollout/3" is at "/api/v1/rollouts/3"; empty: nowhere by itself.
std::string path_of_object(const std::string& object);

}  // namespace argosy::server

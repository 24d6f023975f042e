// One thing that can be asked for: by whom, and the coroutine that answers. Handlers run on the I/O thread and must not
// block it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/base/error.hpp"
#include "server/base/task.hpp"
#include "server/http/method.hpp"
#include "server/http/permission.hpp"

namespace argosy::server {

struct Request;
struct Response;

using Handler = std::function<Task<Result<Response>>(Request&)>;

struct Route {
  Method method = Method::get;
  std::string path;                            // "/api/v1/devices/{id}"; a placeholder matches one segment
  Permission permission = unnamed_permission;  // Router::add refuses a route without one
  Handler handler;
  std::uint64_t body_limit = 0;  // bytes; 0: what is usual, which is little where nobody has to sign
  bool streaming = false;        // the handler reads Request::stream; body_limit does not apply
};

inline constexpr std::uint64_t usual_body_limit = 1ULL << 20;
inline constexpr std::uint64_t open_body_limit = 16ULL << 10;

}  // namespace argosy::server

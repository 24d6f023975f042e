#include "server/http/router.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/base/text.hpp"

namespace argosy::server {
namespace {

using Params = std::map<std::string, std::string, std::less<>>;

// Takes the next segment off `path` ("/a/b" gives "a", leaves "/b").
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

bool is_placeholder(std::string_view segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}

std::optional<Params> fit(std::string_view pattern, std::string_view path) {
  Params params;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view given = take_segment(path);
    if (is_placeholder(wanted)) {
      if (given.empty()) return std::nullopt;
      params.emplace(wanted.substr(1, wanted.size() - 2), given);
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return params;
}

std::optional<std::string_view> find(const Params& map, std::string_view name) {
  const auto found = map.find(name);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::viewer:
      return "viewer";
    case Role::publisher:
      return "publisher";
    case Role::operator_:
      return "operator";
    case Role::admin:
      return "admin";
  }
  return "viewer";
}

Result<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::viewer, Role::publisher, Role::operator_, Role::admin}) {
    if (to_string(role) == text) return role;
  }
  return make_error(Errc::invalid_argument,
                    "'" + shortened(text) + "' is no role: use viewer, publisher, operator or admin");
}

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
  }
  return "GET";
}

std::string Principal::actor() const {
  switch (kind) {
    case Kind::anonymous:
      return "anonymous";
    case Kind::user:
      return "user:" + name;
    case Kind::token:
      return "token:" + name;
    case Kind::device:
      return "device:" + name;
  }
  return "anonymous";
}

bool allows(Access access, const Principal& principal) {
  if (access == Access::open) return true;
  if (access == Access::device) return principal.kind == Principal::Kind::device;
  const bool person_or_program = principal.kind == Principal::Kind::user || principal.kind == Principal::Kind::token;
  if (!person_or_program) return false;
  switch (access) {
    case Access::publisher:
      return principal.role == Role::publisher || principal.role == Role::admin;
    case Access::operator_:
      return principal.role == Role::operator_ || principal.role == Role::admin;
    case Access::publisher_or_operator:
      return principal.role != Role::viewer;
    case Access::admin:
      return principal.role == Role::admin;
    default:
      return true;  // viewer and any_user: every role reads
  }
}

std::string_view Request::param(std::string_view name) const {
  const auto found = find(params, name);
  if (!found) throw std::logic_error("the route has no {" + std::string(name) + "}");
  return *found;
}

std::optional<std::string_view> Request::header(std::string_view lower_case_name) const {
  return find(headers, lower_case_name);
}

std::optional<std::string_view> Request::query_value(std::string_view name) const {
  return find(query, name);
}

Response Response::json(std::string text, int status) {
  Response response;
  response.status = status;
  response.body = std::move(text);
  return response;
}

Response Response::no_content() {
  Response response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

void Router::add(Route route) {
  if (!route.path.starts_with('/')) throw std::logic_error("route '" + route.path + "' must start with /");
  if (route.body_limit == 0) route.body_limit = route.access == Access::open ? open_body_limit : usual_body_limit;
  for (const Route& other : routes_) {
    if (other.method == route.method && other.path == route.path) {
      throw std::logic_error("two routes for " + std::string(to_string(route.method)) + " " + route.path);
    }
  }
  routes_.push_back(std::move(route));
}

Router::Match Router::match(Method method, std::string_view path) const {
  Match best;
  if (!path.starts_with('/')) return best;
  const Method wanted = method == Method::head ? Method::get : method;
  for (const Route& route : routes_) {
    auto params = fit(route.path, path);
    if (!params) continue;
    best.allowed.push_back(route.method);
    if (route.method != wanted && route.method != method) continue;
    if (best.route != nullptr && best.params.size() <= params->size()) continue;
    best.route = &route;
    best.params = std::move(*params);
  }
  return best;
}

}  // namespace argosy::server

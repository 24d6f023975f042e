#include "server/http/router.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

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

}  // namespace

void Router::add(Route route) {
  if (!route.path.starts_with('/')) throw std::logic_error("route '" + route.path + "' must start with /");
  if (route.permission == unnamed_permission) throw std::logic_error("route '" + route.path + "' names no permission");
  if (route.body_limit == 0)
    route.body_limit = route.permission == open_to_everybody ? open_body_limit : usual_body_limit;
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

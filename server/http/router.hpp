// The routes of one listener. Owned by the composition root, filled before the listener starts, read-only afterwards.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/method.hpp"
#include "server/http/route.hpp"

namespace argosy::server {

class Router {
 public:
  void add(Route route);  // throws what is a mistake in the program: no permission, the same route twice
  struct Match {
    const Route* route = nullptr;  // null: nothing here, or only for the `allowed` methods
    std::map<std::string, std::string, std::less<>> params;
    std::vector<Method> allowed;
  };
  // `path` is decoded. A GET route answers HEAD as well; of two routes that fit, the one with fewer placeholders wins.
  Match match(Method method, std::string_view path) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace argosy::server

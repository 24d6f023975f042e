// The SQL of routes. Functors for DbPool::transact: they own their arguments and may be repeated. What changes a route
// leaves an audit row.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/encoding.hpp"
#include "server/notify/notice_route.hpp"
#include "server/notify/route_preview.hpp"

namespace argosy::server {

struct StoredRoute {
  NoticeRoute route;
  Bytes sealed;  // its secrets
};

std::vector<StoredRoute> load_routes(pqxx::work& transaction);

struct ReadRoutes {
  std::vector<NoticeRoute> operator()(pqxx::work& transaction) const;
};

struct ReadRoute {
  std::int64_t id;
  Result<StoredRoute> operator()(pqxx::work& transaction) const;
};

// Errc::conflict when the name is taken; Errc::illegal_transition when there are most_routes.
struct CreateRoute {
  RouteSettings settings;
  Bytes sealed;
  std::string actor;
  Instant now;
  Result<NoticeRoute> operator()(pqxx::work& transaction) const;
};

// Errc::precondition_failed when the route is not of this version any more.
struct UpdateRoute {
  std::int64_t id;
  std::int64_t version;
  RouteSettings settings;
  Bytes sealed;
  std::string action;  // for the audit: "route.update" or "route.rotate"
  std::string actor;
  Instant now;
  Result<NoticeRoute> operator()(pqxx::work& transaction) const;
};

// Of the last seven days, but of no more events than are looked at.
struct PreviewRoute {
  RouteSettings settings;
  std::string site_label;
  Instant now;
  RoutePreview operator()(pqxx::work& transaction) const;
};

struct DeleteRoute {
  std::int64_t id;
  std::string actor;
  Result<void> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server

#include <limits>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/access/access_api.hpp"
#include "server/access/audit_store.hpp"
#include "server/db/db_pool.hpp"
#include "server/http/paging.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

std::optional<std::string> text_query(const Request& request, std::string_view name) {
  const auto value = request.query_value(name);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

Task<Result<Response>> list_audit(DbPool& db, Request& request) {
  ARGOSY_CO_TRY(const Page page, read_page(request));
  ARGOSY_CO_TRY(const std::int64_t before, id_after(page, std::numeric_limits<std::int64_t>::max()));
  auto listing =
      db.transact(ListAudit{before, page.limit + 1, text_query(request, "actor"), text_query(request, "object")});
  ARGOSY_CO_TRY(AuditPage audit, co_await std::move(listing));
  CursorKey next;
  if (audit.items.size() > page.limit) {
    audit.items.pop_back();
    next = {std::to_string(audit.items.back().id)};
  }
  json items = json::array();
  for (const AuditEntry& entry : audit.items) {
    items.push_back({{"id", entry.id},
                     {"at", to_rfc3339(entry.at)},
                     {"actor", entry.actor},
                     {"action", entry.action},
                     {"object", entry.object},
                     {"details", json_or_null(entry.details_json)}});
  }
  co_return page_response(request, items, next, audit.total);
}

}  // namespace

void add_audit_routes(Router& router, DbPool& db) {
  router.add(
      {.method = Method::get, .path = "/api/v1/audit", .access = Access::admin, .handler = [&db](Request& request) {
         return list_audit(db, request);
       }});
}

}  // namespace argosy::server

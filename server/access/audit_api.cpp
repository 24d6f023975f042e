#include <limits>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/access/access_api.hpp"
#include "server/access/audit_service.hpp"
#include "server/access/permission.hpp"
#include "server/http/paging.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

std::optional<std::string> text_query(const Request& request, std::string_view name) {
  const auto value = request.query_value(name);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

Result<std::int64_t> seal_query(const Request& request, std::string_view name) {
  const auto value = request.query_value(name);
  if (!value) return std::int64_t{0};
  ARGOSY_TRY(const std::int64_t seal, parse_integer(*value, name));
  if (seal < 0) return make_error(Errc::invalid_argument, "\"" + std::string(name) + "\" must be 0 or more");
  return seal;
}

json head_json(const ChainHead& head) {
  return {{"seal", head.seal}, {"hash", head.hash.to_hex()}};
}

json fault_json(const std::optional<ChainFault>& fault) {
  if (!fault) return nullptr;
  return {{"row", fault->row_id == 0 ? json(nullptr) : json(fault->row_id)},
          {"seal", fault->seal == 0 ? json(nullptr) : json(fault->seal)},
          {"message", fault->what}};
}

Task<Result<Response>> list_audit(AuditService& audit, Request& request) {
  ARGOSY_CO_TRY(const Page page, read_page(request));
  ARGOSY_CO_TRY(const std::int64_t before, id_after(page, std::numeric_limits<std::int64_t>::max()));
  AuditQuery query{before, page.limit + 1, text_query(request, "actor"), text_query(request, "object")};
  ARGOSY_CO_TRY(AuditPage found, co_await audit.list(std::move(query)));
  CursorKey next;
  if (found.items.size() > page.limit) {
    found.items.pop_back();
    next = {std::to_string(found.items.back().id)};
  }
  json items = json::array();
  for (const AuditEntry& entry : found.items) {
    items.push_back({{"id", entry.id},
                     {"at", to_rfc3339(entry.at)},
                     {"actor", entry.actor},
                     {"action", entry.action},
                     {"object", entry.object},
                     {"address", entry.address},
                     {"details", json_or_null(entry.details_json)}});
  }
  co_return page_response(request, items, next, found.total);
}

Task<Result<Response>> get_head(AuditService& audit, Request&) {
  ARGOSY_CO_TRY(const ChainState chain, co_await audit.chain());
  json document = head_json(chain.head);
  document["unsealed"] = chain.unsealed;
  document["archived"] = head_json(chain.archived);
  document["rows_before_the_chain"] = chain.rows_before;
  co_return Response::json(document.dump());
}

// Whether the chain goes through a head that was noted earlier, when the caller gives one.
Task<Result<std::optional<ChainFault>>> compare_noted(AuditService& audit, Request& request) {
  const auto hash = request.query_value("hash");
  if (!hash) co_return std::optional<ChainFault>{};
  ChainHead noted;
  ARGOSY_CO_TRY(noted.seal, seal_query(request, "seal"));
  ARGOSY_CO_TRY(noted.hash, Digest::parse(*hash));
  co_return co_await audit.has(noted);
}

Task<Result<Response>> verify(AuditService& audit, Request& request) {
  ARGOSY_CO_TRY(const std::int64_t after, seal_query(request, "after"));
  ARGOSY_CO_TRY(auto fault, co_await compare_noted(audit, request));
  ARGOSY_CO_TRY(const auto walk, co_await audit.walk(after));
  if (!fault) fault = walk.fault;
  co_return Response::json(json{
      {"intact", !fault},
      {"complete", walk.complete},
      {"rows", walk.rows},
      {"reached", head_json(walk.reached)},
      {"fault",
       fault_json(fault)}}.dump());
}

}  // namespace

void add_audit_routes(Router& router, AuditService& audit) {
  const auto add = [&router](std::string path, Handler handler) {
    router.add({.method = Method::get,
                .path = std::move(path),
                .permission = Permission::read_audit,
                .handler = std::move(handler)});
  };
  add("/api/v1/audit", [&audit](Request& request) { return list_audit(audit, request); });
  add("/api/v1/audit/head", [&audit](Request& request) { return get_head(audit, request); });
  add("/api/v1/audit/verify", [&audit](Request& request) { return verify(audit, request); });
}

}  // namespace argosy::server

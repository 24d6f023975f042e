#include "server/rules/reaction_api.hpp"

#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/http/paging.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/rules/reaction_service.hpp"

namespace argosy::server {

namespace {

// Newest first; of one rule, or to one alert.
Task<Result<Response>> list_reactions(ReactionService& reactions, Request& request) {
  ARGOSY_CO_TRY(const auto page, read_page(request));
  ARGOSY_CO_TRY(const auto before, id_after(page, 0));
  ReactionQuery query;
  if (before > 0) query.before = before;
  if (const auto rule = request.query_value("rule"); rule && !rule->empty()) query.rule = std::string(*rule);
  if (const auto alert = request.query_value("alert"); alert && !alert->empty()) {
    ARGOSY_CO_TRY(query.alert, parse_integer(*alert, "alert"));
  }
  query.limit = static_cast<std::int64_t>(page.limit);
  ARGOSY_CO_TRY(const auto found, co_await reactions.list(std::move(query)));
  auto items = nlohmann::json::array();
  for (const auto& reaction : found.items) items.push_back(reaction_to_json(reaction));
  CursorKey next;
  if (found.more) next.push_back(std::to_string(found.items.back().id));
  co_return page_response(request, items, next, found.total);
}

}  // namespace

void add_reaction_routes(Router& router, ReactionService& reactions) {
  router.add({Method::get, "/api/v1/reactions", Permission::read_fleet,
              [&reactions](Request& request) { return list_reactions(reactions, request); }});
}

}  // namespace argosy::server

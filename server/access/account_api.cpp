#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"
#include "server/access/access_api.hpp"
#include "server/access/credentials.hpp"
#include "server/access/permission.hpp"
#include "server/http/paging.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::int64_t longest_life_s = 10LL * 366 * 86400;

json optional_time(const std::optional<Instant>& at) {
  return at ? json(to_rfc3339(*at)) : json(nullptr);
}

json user_json(const User& user) {
  return {{"id", user.id},
          {"name", user.name},
          {"role", to_string(user.role)},
          {"has_password", user.has_password},
          {"created_at", to_rfc3339(user.created_at)},
          {"disabled_at", optional_time(user.disabled_at)}};
}

json token_json(const ApiToken& token) {
  return {{"id", token.id},
          {"name", token.name},
          {"role", to_string(token.role)},
          {"effective_role", to_string(token.effective_role)},
          {"created_by", token.created_by},
          {"created_at", to_rfc3339(token.created_at)},
          {"expires_at", optional_time(token.expires_at)},
          {"revoked_at", optional_time(token.revoked_at)},
          {"last_used_at", optional_time(token.last_used_at)}};
}

template <class Item>
Response whole_list(const Request& request, const std::vector<Item>& items, json (*to_json)(const Item&)) {
  json array = json::array();
  for (const Item& item : items) array.push_back(to_json(item));
  return page_response(request, array, {}, static_cast<std::int64_t>(items.size()));
}

Result<Role> role_field(const std::string& text) {
  auto role = parse_role(text);
  if (!role) return field_error("role", "must be viewer, publisher, operator or admin, not '" + shortened(text) + "'");
  return role;
}

class AccountApi {
 public:
  AccountApi(AccessService& access, AccessApiOptions options) : access_(access), options_(std::move(options)) {}

  Task<Result<Response>> list_users(Request& request) {
    ARGOSY_CO_TRY(const auto users, co_await access_.list_users());
    co_return whole_list(request, users, user_json);
  }

  Task<Result<Response>> create_user(Request& request) {
    ARGOSY_CO_TRY(auto body, JsonReader::parse(request.body));
    std::string name, role_text;
    std::optional<std::string> password;
    body.required("name", name).required("role", role_text).optional("password", password);
    ARGOSY_CO_CHECK(body.finish());
    ARGOSY_CO_TRY(const Role role, role_field(role_text));
    ARGOSY_CO_TRY(const NewUser created,
                  co_await access_.create_user(name, role, password, maker_of(request.principal), request.now));
    co_return with_link(created, 201);
  }

  Task<Result<Response>> change_user(Request& request) {
    ARGOSY_CO_TRY(const std::int64_t id, id_param(request));
    ARGOSY_CO_TRY(auto body, JsonReader::parse(request.body));
    std::optional<std::string> role_text;
    UserChange change;
    body.optional("role", role_text).optional("disabled", change.disabled).optional("new_link", change.new_link);
    ARGOSY_CO_CHECK(body.finish());
    if (role_text) {
      ARGOSY_CO_TRY(change.role, role_field(*role_text));
    }
    ARGOSY_CO_TRY(const NewUser changed,
                  co_await access_.change_user(id, change, maker_of(request.principal), request.now));
    co_return with_link(changed, 200);
  }

  Task<Result<Response>> list_tokens(Request& request) {
    ARGOSY_CO_TRY(const auto tokens, co_await access_.list_tokens());
    co_return whole_list(request, tokens, token_json);
  }

  Task<Result<Response>> create_token(Request& request) {
    ARGOSY_CO_TRY(auto body, JsonReader::parse(request.body));
    std::string name, role_text;
    std::optional<std::int64_t> expires_in_s;
    body.required("name", name).required("role", role_text).optional("expires_in_s", expires_in_s);
    body.check("expires_in_s", !expires_in_s || (*expires_in_s >= 1 && *expires_in_s <= longest_life_s),
               "must be from 1 to " + std::to_string(longest_life_s));
    ARGOSY_CO_CHECK(body.finish());
    ARGOSY_CO_TRY(const Role role, role_field(role_text));
    const auto life = expires_in_s ? std::optional<Duration>(std::chrono::seconds(*expires_in_s)) : std::nullopt;
    ARGOSY_CO_TRY(const NewToken created,
                  co_await access_.create_token(name, role, life, maker_of(request.principal), request.now));
    json document = token_json(created.token);
    document["token"] = created.secret;
    co_return Response::json(document.dump(), 201);
  }

  Task<Result<Response>> revoke_token(Request& request) {
    ARGOSY_CO_TRY(const std::int64_t id, id_param(request));
    ARGOSY_CO_CHECK(co_await access_.revoke_token(id, request.principal.actor(), request.now));
    co_return Response::no_content();
  }

 private:
  Response with_link(const NewUser& user, int status) const {
    json document = user_json(user.user);
    document["link"] = user.link_token.empty() ? json(nullptr) : json(login_link(options_.public_url, user.link_token));
    return Response::json(document.dump(), status);
  }

  AccessService& access_;
  AccessApiOptions options_;
};

}  // namespace

void add_account_routes(Router& router, AccessService& access, AccessApiOptions options) {
  const auto api = std::make_shared<AccountApi>(access, std::move(options));
  const auto add = [&](Method method, std::string path, Task<Result<Response>> (AccountApi::*call)(Request&)) {
    router.add({.method = method,
                .path = std::move(path),
                .permission = Permission::manage_people,
                .handler = [api, call](Request& request) { return ((*api).*call)(request); },
                .body_limit = 16 * 1024});
  };
  add(Method::get, "/api/v1/users", &AccountApi::list_users);
  add(Method::post, "/api/v1/users", &AccountApi::create_user);
  add(Method::patch, "/api/v1/users/{id}", &AccountApi::change_user);
  add(Method::get, "/api/v1/tokens", &AccountApi::list_tokens);
  add(Method::post, "/api/v1/tokens", &AccountApi::create_token);
  add(Method::del, "/api/v1/tokens/{id}", &AccountApi::revoke_token);
}

}  // namespace argosy::server

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"
#include "server/access/access_api.hpp"
#include "server/access/credentials.hpp"
#include "server/access/permission.hpp"
#include "server/access/policy.hpp"
#include "server/http/problem.hpp"
#include "server/http/request.hpp"
#include "server/http/router.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

json session_json(std::string_view name, Role role, const json& csrf) {
  json permissions = json::array();
  for (const Permission permission : permissions_of(role)) permissions.push_back(to_string(permission));
  return {{"user", {{"name", name}, {"role", to_string(role)}}}, {"permissions", permissions}, {"csrf", csrf}};
}

std::string cookie_of(const std::string& value, bool secure, bool end) {
  return std::string(session_cookie) + "=" + value + "; Path=/; HttpOnly; SameSite=Strict" +
         (secure ? "; Secure" : "") + (end ? "; Max-Age=0" : "");
}

Response signed_in_response(const SignedIn& signed_in, bool secure) {
  const Session& session = signed_in.session;
  Response response = Response::json(session_json(session.user, session.role, session.csrf).dump());
  response.headers.emplace_back("Set-Cookie", cookie_of(signed_in.cookie_token, secure, false));
  return response;
}

Door door_of(const Request& request) {
  return {request.peer_address, std::string(session_token(request).value_or(""))};
}

// A refusal that tells how long to wait.
Response wait_response(const Error& error, Duration retry_after) {
  Response response = problem(error);
  for (auto& [name, value] : response.headers) {
    if (name == "Retry-After") value = std::to_string((retry_after.count() + 999) / 1000);
  }
  return response;
}

Result<Permission> permission_field(const std::string& text) {
  const auto permission = parse_permission(text);
  if (!permission) return field_error("needs", "is not a permission: '" + shortened(text) + "'");
  return *permission;
}

class SessionApi {
 public:
  SessionApi(AccessService& access, AccessApiOptions options) : access_(access), options_(std::move(options)) {}

  Task<Result<Response>> login(Request& request) {
    ARGOSY_CO_TRY(auto body, JsonReader::parse(request.body));
    std::string name, password;
    body.required("name", name).required("password", password);
    ARGOSY_CO_CHECK(body.finish());
    Duration retry_after{};
    const auto signed_in = co_await access_.login(name, password, door_of(request), request.now, retry_after);
    if (!signed_in && retry_after > Duration::zero()) co_return wait_response(signed_in.error(), retry_after);
    if (!signed_in) co_return signed_in.error();
    co_return signed_in_response(*signed_in, options_.secure_cookie);
  }

  Task<Result<Response>> login_by_link(Request& request) {
    ARGOSY_CO_TRY(auto body, JsonReader::parse(request.body));
    LinkUse use;
    std::optional<std::string> needs;
    body.required("token", use.token).optional("password", use.password).optional("needs", needs);
    ARGOSY_CO_CHECK(body.finish());
    if (needs) {
      ARGOSY_CO_TRY(use.needs, permission_field(*needs));
    }
    Duration retry_after{};
    const auto signed_in = co_await access_.login_by_link(std::move(use), door_of(request), request.now, retry_after);
    if (!signed_in && retry_after > Duration::zero()) co_return wait_response(signed_in.error(), retry_after);
    if (!signed_in) co_return signed_in.error();
    co_return signed_in_response(*signed_in, options_.secure_cookie);
  }

  Task<Result<Response>> logout(Request& request) {
    if (const auto cookie = session_token(request)) {
      ARGOSY_CO_CHECK(co_await access_.logout(std::string(*cookie)));
    }
    Response response = Response::no_content();
    response.headers.emplace_back("Set-Cookie", cookie_of("", options_.secure_cookie, true));
    co_return response;
  }

  Task<Result<Response>> me(Request& request) {
    json document = session_json(request.principal.name, request.principal.role, nullptr);
    const auto cookie = session_token(request);
    if (request.principal.kind == Principal::Kind::user && cookie) {
      ARGOSY_CO_TRY(const auto session, co_await access_.find_session(std::string(*cookie), request.now));
      if (session) document["csrf"] = session->csrf;
    }
    co_return Response::json(document.dump());
  }

  Task<Result<Response>> change_password(Request& request) {
    const auto cookie = session_token(request);
    if (request.principal.kind != Principal::Kind::user || !cookie) {
      co_return make_error(Errc::forbidden, "a token has no password; sign in as a person to change yours");
    }
    ARGOSY_CO_TRY(auto body, JsonReader::parse(request.body));
    std::string password;
    std::optional<std::string> current;
    body.required("password", password).optional("current", current);
    ARGOSY_CO_CHECK(body.finish());
    ARGOSY_CO_TRY(const auto session, co_await access_.find_session(std::string(*cookie), request.now));
    if (!session) co_return make_error(Errc::unauthenticated, "the session has ended; sign in again");
    ARGOSY_CO_TRY(const std::string rotated,
                  co_await access_.change_password(*session, current, password, request.peer_address, request.now));
    Response response = Response::no_content();
    response.headers.emplace_back("Set-Cookie", cookie_of(rotated, options_.secure_cookie, false));
    co_return response;
  }

  Task<Result<Response>> end_sessions(Request& request) {
    if (request.principal.kind != Principal::Kind::user) {
      co_return make_error(Errc::forbidden, "a token has no sessions; an admin revokes it");
    }
    ARGOSY_CO_CHECK(co_await access_.logout_everywhere(request.principal.id, request.principal.actor()));
    Response response = Response::no_content();
    response.headers.emplace_back("Set-Cookie", cookie_of("", options_.secure_cookie, true));
    co_return response;
  }

 private:
  AccessService& access_;
  AccessApiOptions options_;
};

}  // namespace

void add_session_routes(Router& router, AccessService& access, AccessApiOptions options) {
  const auto api = std::make_shared<SessionApi>(access, std::move(options));
  const auto add = [&](Method method, std::string path, Permission who,
                       Task<Result<Response>> (SessionApi::*call)(Request&)) {
    router.add({.method = method,
                .path = std::move(path),
                .permission = who,
                .handler = [api, call](Request& request) { return ((*api).*call)(request); },
                .body_limit = 16 * 1024});
  };
  add(Method::post, "/api/v1/login", Permission::open, &SessionApi::login);
  add(Method::post, "/api/v1/login/link", Permission::open, &SessionApi::login_by_link);
  add(Method::post, "/api/v1/logout", Permission::use_own_account, &SessionApi::logout);
  add(Method::get, "/api/v1/me", Permission::use_own_account, &SessionApi::me);
  add(Method::del, "/api/v1/me/sessions", Permission::use_own_account, &SessionApi::end_sessions);
  add(Method::put, "/api/v1/me/password", Permission::use_own_account, &SessionApi::change_password);
}

std::string login_link(const std::string& public_url, const std::string& token) {
  return public_url + "/login#token=" + token;
}

}  // namespace argosy::server

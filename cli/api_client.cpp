#include "cli/api_client.hpp"

#include "common/base/encoding.hpp"
#include "common/base/random.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"

namespace argosy::cli {

using net::HttpRequest;
using net::HttpResponse;
using net::percent_encode;
using nlohmann::json;

namespace {

// A list's page is the largest answer.
constexpr JsonLimits answer_limits{.bytes = 64 << 20, .depth = 64, .values = 4 << 20};

// The Errc whose slug ends the problem's type; Errc::internal for a type this version does not know.
Errc errc_of(std::string_view type) {
  const auto slash = type.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? type : type.substr(slash + 1);
  for (int i = 0; i <= static_cast<int>(Errc::corrupt); ++i) {
    if (slug(static_cast<Errc>(i)) == name) return static_cast<Errc>(i);
  }
  return Errc::internal;
}

Error problem_of(const HttpResponse& response) {
  const auto parsed = parse_json(response.body, answer_limits);
  if (!parsed || !parsed->is_object())
    return make_error(Errc::internal,
                      "the server answered " + std::to_string(response.head.status) + " without a reason");
  const json& problem = *parsed;
  std::string message = text_in(problem, "detail", text_in(problem, "title", "the server refused"));
  for (const json& e : list_in(problem, "errors"))
    message += "\n  " + text_in(e, "field", "?") + ": " + text_in(e, "message");
  return make_error(errc_of(text_in(problem, "type")), std::move(message));
}

Result<json> json_of(const HttpResponse& response) {
  if (response.head.status >= 400) return problem_of(response);
  if (response.body.empty()) return json::object();
  auto document = parse_json(response.body, answer_limits);
  if (!document || !document->is_object())
    return make_error(Errc::malformed_json, "the server's answer is not a JSON object; is this an Argosy server?");
  return document;
}

}  // namespace

Result<HttpResponse> ApiClient::send(HttpRequest request, const std::optional<net::Upload>& upload,
                                     const net::TakePiece& take) const {
  request.target = "/api/v1" + request.target;
  request.response_limit = answer_limits.bytes;
  if (!settings_.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + settings_.token);
  auto response =
      net::call_http({settings_.server, settings_.ca_file}, request, "argosy/" ARGOSY_VERSION, upload, take);
  if (response || response.error().code == Errc::timeout) return response;
  return make_error(Errc::unavailable, response.error().message);
}

Result<json> ApiClient::call(std::string method, const std::string& path, const json* body, Headers headers) const {
  if (planned_ && method != "GET" && !path.ends_with("/preview")) {
    *planned_ = PlannedChange{std::move(method), path, body ? *body : json()};
    return make_error(Errc::conflict, "this is a dry run");
  }
  HttpRequest request{std::move(method), path, std::move(headers), body ? body->dump() : ""};
  ARGOSY_TRY(const HttpResponse response, send(std::move(request)));
  return json_of(response);
}

Result<json> ApiClient::get(const std::string& path) const {
  return call("GET", path, nullptr, {});
}

Result<json> ApiClient::post(const std::string& path, const json& body) const {
  return call("POST", path, &body, {{"Idempotency-Key", to_hex(secure_random(16))}});
}

Result<json> ApiClient::put(const std::string& path, const json& body) const {
  return call("PUT", path, &body, {});
}

Result<json> ApiClient::patch(const std::string& path, const json& body) const {
  return call("PATCH", path, &body, {});
}

Result<json> ApiClient::remove(const std::string& path) const {
  return call("DELETE", path, nullptr, {});
}

Result<json> ApiClient::post_if_match(const std::string& path, const std::string& etag, const json& body) const {
  return call("POST", path, &body, {{"If-Match", "\"" + etag + "\""}});
}

Result<json> ApiClient::patch_if_match(const std::string& path, const std::string& etag, const json& body) const {
  return call("PATCH", path, &body, {{"If-Match", "\"" + etag + "\""}});
}

Result<json> ApiClient::remove_if_match(const std::string& path, const std::string& etag) const {
  return call("DELETE", path, nullptr, {{"If-Match", "\"" + etag + "\""}});
}

Result<json> ApiClient::list(const std::string& path, const std::string& filter, std::size_t limit) const {
  json items = json::array();
  std::string cursor;
  while (items.size() < limit) {
    std::string target = path + (path.find('?') == std::string::npos ? "?" : "&");
    target += "limit=" + std::to_string(std::min<std::size_t>(limit - items.size(), 500));
    if (!filter.empty()) target += "&filter=" + percent_encode(filter);
    if (!cursor.empty()) target += "&cursor=" + percent_encode(cursor);
    ARGOSY_TRY(json page, get(target));
    for (const json& item : list_in(page, "items")) items.push_back(item);
    cursor = text_in(page, "next_cursor");
    if (cursor.empty()) break;
  }
  return items;
}

Result<void> ApiClient::download(const std::string& path, const net::TakePiece& take) const {
  const HttpRequest request{"GET", path, {}, ""};
  ARGOSY_TRY(const HttpResponse response, send(request, std::nullopt, take));
  if (response.head.status >= 400) return problem_of(response);
  return {};
}

Result<bool> ApiClient::has_blob(const std::string& digest) const {
  const HttpRequest request{"HEAD", "/blobs/" + digest, {}, ""};
  ARGOSY_TRY(const HttpResponse response, send(request));
  if (response.head.status == 404) return false;
  if (response.head.status >= 400)
    return make_error(response.head.status == 401 ? Errc::unauthenticated : Errc::forbidden,
                      "the server refused to look for a blob; log in as a publisher");
  return true;
}

Result<void> ApiClient::put_blob(const std::string& digest, const std::filesystem::path& file,
                                 std::function<void(std::uint64_t)> on_progress) const {
  const HttpRequest request{"PUT", "/blobs/" + digest, {{"Content-Type", "application/octet-stream"}}, ""};
  const net::Upload upload{file, std::move(on_progress)};
  ARGOSY_TRY(const HttpResponse response, send(request, upload));
  if (response.head.status >= 400) return problem_of(response);
  return {};
}

Result<std::string> ApiClient::token_for_login(const std::string& login_path, const json& credentials,
                                               const std::string& token_name) const {
  const HttpRequest login{"POST", login_path, {}, credentials.dump()};
  ARGOSY_TRY(const HttpResponse session, send(login));
  ARGOSY_TRY(const json who, json_of(session));
  const auto cookie = session.head.headers.find("set-cookie");
  if (cookie == session.head.headers.end())
    return make_error(Errc::internal, "the server gave no session; is this an Argosy server?");
  const Headers session_headers{{"Cookie", cookie->second.substr(0, cookie->second.find(';'))},
                                {"X-CSRF-Token", text_in(who, "csrf")}};
  const json wish{{"name", token_name}, {"role", text_in(member(who, "user"), "role")}};
  const auto token = call("POST", "/tokens", &wish, session_headers);
  (void)call("POST", "/logout", nullptr, session_headers);  // if this fails, the session ends by itself
  if (!token) return token.error();
  return text_in(*token, "token");
}

}  // namespace argosy::cli

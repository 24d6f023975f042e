#include "server/access/authenticator.hpp"

#include "common/crypto/token.hpp"
#include "server/access/authorization.hpp"
#include "server/access/credentials.hpp"
#include "server/http/request.hpp"

namespace argosy::server {
namespace {

bool changes_something(Method method) {
  return method != Method::get && method != Method::head;
}

}  // namespace

Authenticator::Authenticator(AccessService& access, IsCurrentDevice is_current_device)
    : access_(access), is_current_device_(std::move(is_current_device)) {}

Task<Result<Principal>> Authenticator::authenticate(const Request& request) const {
  co_return co_await identify(request, true);
}

Task<Result<bool>> Authenticator::still_allowed(const Request& head, Permission permission) const {
  Request now = head;
  now.now = wall_clock_now();
  const auto principal = co_await identify(now, false);
  if (principal) co_return authorize(permission, *principal).has_value();
  const Errc code = principal.error().code;
  if (code == Errc::unauthenticated || code == Errc::forbidden) co_return false;
  co_return principal.error();
}

Task<Result<Principal>> Authenticator::identify(const Request& request, bool is_use) const {
  if (request.peer_certificate) {
    if (request.now > request.peer_certificate->not_after)  // it was good when the connection began
      co_return make_error(Errc::unauthenticated, "the certificate of '" + request.peer_certificate->common_name +
                                                      "' has ended; POST /device/v1/return gives a new one");
    co_return co_await device(*request.peer_certificate);
  }
  if (const auto secret = bearer_token(request)) {
    co_return co_await token(std::string(*secret), request.now);
  }
  if (const auto cookie = session_token(request)) {
    co_return co_await person(request, std::string(*cookie), is_use);
  }
  co_return Principal{};
}

Task<Result<Principal>> Authenticator::device(PeerCertificate certificate) const {
  const std::string name = certificate.common_name;
  ARGOSY_CO_TRY(const bool good, co_await is_current_device_(std::move(certificate)));
  if (!good) {
    co_return make_error(
        Errc::unauthenticated,
        "the certificate of '" + name + "' is not its present one, or the device was revoked; enrol it again");
  }
  co_return Principal{Principal::Kind::device, name, Role::viewer, 0, {"device:" + name}};
}

Task<Result<Principal>> Authenticator::token(std::string secret, Instant now) const {
  ARGOSY_CO_TRY(const auto found, co_await access_.find_token(std::move(secret), now));
  if (!found) co_return make_error(Errc::unauthenticated, "the token is not known, has expired or was revoked");
  Principal principal{
      Principal::Kind::token, found->name, found->effective_role, found->id, {"token:" + std::to_string(found->id)}};
  if (found->maker_id) principal.depends_on.push_back("user:" + std::to_string(*found->maker_id));
  co_return principal;
}

Task<Result<Principal>> Authenticator::person(const Request& request, std::string cookie, bool is_use) const {
  ARGOSY_CO_TRY(const auto found, co_await access_.find_session(std::move(cookie), request.now, is_use));
  if (!found) co_return make_error(Errc::unauthenticated, "the session has ended; sign in again");
  if (is_use && changes_something(request.method)) {
    const auto csrf = request.header("x-csrf-token");
    if (!csrf || !equal_in_constant_time(*csrf, found->csrf)) {
      co_return make_error(Errc::forbidden,
                           "a change with a session cookie needs the header X-CSRF-Token from the login");
    }
  }
  co_return Principal{Principal::Kind::user,
                      found->user,
                      found->role,
                      found->user_id,
                      {"session:" + found->id, "user:" + std::to_string(found->user_id)}};
}

}  // namespace argosy::server

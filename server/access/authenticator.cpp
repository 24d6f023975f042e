#include "server/access/authenticator.hpp"

#include "common/crypto/token.hpp"

namespace argosy::server {
namespace {

bool changes_something(Method method) {
  return method != Method::get && method != Method::head;
}

}  // namespace

Authenticator::Authenticator(AccessService& access, IsCurrentDevice is_current_device)
    : access_(access), is_current_device_(std::move(is_current_device)) {}

Task<Result<Principal>> Authenticator::authenticate(const Request& request) const {
  if (request.peer_certificate) {
    if (request.now > request.peer_certificate->not_after)  // it was good when the connection began
      co_return make_error(Errc::unauthenticated, "the certificate of '" + request.peer_certificate->common_name +
                                                      "' has ended; POST /device/v1/return gives a new one");
    auto identifying = device(*request.peer_certificate);
    auto principal = co_await std::move(identifying);
    co_return principal;
  }
  if (const auto secret = bearer_token(request)) {
    auto identifying = token(std::string(*secret), request.now);
    auto principal = co_await std::move(identifying);
    co_return principal;
  }
  if (const auto cookie = session_token(request)) {
    auto identifying = person(request, std::string(*cookie));
    auto principal = co_await std::move(identifying);
    co_return principal;
  }
  co_return Principal{};
}

Task<Result<Principal>> Authenticator::device(PeerCertificate certificate) const {
  const std::string name = certificate.common_name;
  auto asking = is_current_device_(std::move(certificate));
  ARGOSY_CO_TRY(const bool good, co_await std::move(asking));
  if (!good) {
    co_return make_error(
        Errc::unauthenticated,
        "the certificate of '" + name + "' is not its present one, or the device was revoked; enrol it again");
  }
  co_return Principal{Principal::Kind::device, name, Role::viewer};
}

Task<Result<Principal>> Authenticator::token(std::string secret, Instant now) const {
  auto finding = access_.find_token(std::move(secret), now);
  ARGOSY_CO_TRY(const auto found, co_await std::move(finding));
  if (!found) co_return make_error(Errc::unauthenticated, "the token is not known, has expired or was revoked");
  co_return Principal{Principal::Kind::token, found->name, found->role};
}

Task<Result<Principal>> Authenticator::person(const Request& request, std::string cookie) const {
  auto finding = access_.find_session(std::move(cookie), request.now);
  ARGOSY_CO_TRY(const auto found, co_await std::move(finding));
  if (!found) co_return make_error(Errc::unauthenticated, "the session has ended; sign in again");
  if (changes_something(request.method)) {
    const auto csrf = request.header("x-csrf-token");
    if (!csrf || !equal_in_constant_time(*csrf, found->csrf)) {
      co_return make_error(Errc::forbidden,
                           "a change with a session cookie needs the header X-CSRF-Token from the login");
    }
  }
  co_return Principal{Principal::Kind::user, found->user, found->role};
}

}  // namespace argosy::server

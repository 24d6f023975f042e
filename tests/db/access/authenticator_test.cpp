#include "server/access/authenticator.hpp"

#include "server/access/role.hpp"
#include "server/http/request.hpp"
#include "tests/db/access/access_fixture.hpp"

namespace argosy::server {
namespace {

class AuthenticatorTest : public AccessFixture {
 protected:
  std::string current_fingerprint = "f1";
  Authenticator authenticator{access, [this](PeerCertificate peer) { return is_current(peer.fingerprint); }};
  Request request;

  Task<Result<bool>> is_current(std::string fingerprint) { co_return fingerprint == current_fingerprint; }
  void SetUp() override { request.now = now; }
  Result<Principal> who() { return run(authenticator.authenticate(request)); }
  SignedIn sign_in() {
    make_user("ada", Role::publisher);
    SignedIn signed_in = login("ada", "correct horse").value();
    request.headers["cookie"] = "argosy_session=" + signed_in.cookie_token;
    return signed_in;
  }
};

TEST_F(AuthenticatorTest, NothingIsAnonymous) {
  EXPECT_EQ(who().value().kind, Principal::Kind::anonymous);
}

TEST_F(AuthenticatorTest, ATokenActsUnderItsName) {
  const auto token = run(access.create_token("ci", Role::publisher, std::nullopt, Maker{"test"}, now)).value();
  request.headers["authorization"] = "Bearer " + token.secret;
  EXPECT_EQ(who().value().actor(), "token:ci");
  EXPECT_EQ(who().value().role, Role::publisher);
  request.headers["authorization"] = "Bearer argosy_wrong";
  EXPECT_EQ(who().error().code, Errc::unauthenticated);
}

TEST_F(AuthenticatorTest, ACookieReadsButDoesNotChangeWithoutCsrf) {
  const SignedIn signed_in = sign_in();
  EXPECT_EQ(who().value().actor(), "user:ada");
  for (const Method method : {Method::post, Method::put, Method::patch, Method::del}) {
    request.method = method;
    request.headers.erase("x-csrf-token");
    EXPECT_EQ(who().error().code, Errc::forbidden);
    request.headers["x-csrf-token"] = "wrong";
    EXPECT_EQ(who().error().code, Errc::forbidden);
    request.headers["x-csrf-token"] = signed_in.session.csrf;
    EXPECT_TRUE(who());
  }
}

TEST_F(AuthenticatorTest, AStaleCookieSaysSo) {
  sign_in();
  request.now = now + std::chrono::hours(24);
  EXPECT_EQ(who().error().code, Errc::unauthenticated);
}

TEST_F(AuthenticatorTest, ADeviceIsItsPresentCertificate) {
  request.peer_certificate = PeerCertificate{"cam-7", "f1"};
  EXPECT_EQ(who().value().actor(), "device:cam-7");
  request.peer_certificate = PeerCertificate{"cam-7", "f0"};
  EXPECT_EQ(who().error().code, Errc::unauthenticated);
}

}  // namespace
}  // namespace argosy::server

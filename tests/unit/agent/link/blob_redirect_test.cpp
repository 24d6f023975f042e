// Downloads that our server sends on to another host, which has an authority of its own.
#include <cstdlib>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "common/crypto/keys.hpp"
#include "tests/unit/agent/link/connect_proxy.hpp"
#include "tests/unit/agent/link/fetching.hpp"

namespace argosy::agent {
namespace {

using test::BlobServer;
using test::ConnectProxy;
using test::Fetching;
using test::TempFolder;

class Redirected : public Fetching {
 protected:
  BlobServer cdn{content};

  void SetUp() override {
    Fetching::SetUp();
    redirects = {{"localhost"}, cdn.authority().certificate_pem};
  }
  std::string refusal() {
    const auto failure = fetch();
    if (!failure) return "none";
    EXPECT_FALSE(failure->passing);
    EXPECT_EQ(failure->error.code, Errc::forbidden);
    return failure->error.message;
  }
};

TEST_F(Redirected, EveryKindIsFollowed) {
  for (const std::string status : {"301", "302", "303", "307", "308"}) {
    server.behave(status + "=" + cdn.url());
    EXPECT_FALSE(fetch()) << status;
    expect_whole();
    std::filesystem::remove(folder / "whole");
  }
}

TEST_F(Redirected, NothingOfOursGoesAlong) {
  const Validity validity{wall_clock_now() - std::chrono::hours(1), wall_clock_now() + std::chrono::hours(1)};
  Trust trust = server.trust();
  trust.private_key_pem = make_private_key().value();
  const std::string request = make_csr(trust.private_key_pem, "cam-7").value();
  trust.certificate_pem = issue_client_certificate(server.authority(), request, {"cam-7", validity, ""}).value();
  ASSERT_TRUE(https.set_trust(trust));
  server.behave("302=" + cdn.url());
  EXPECT_FALSE(fetch());
  EXPECT_EQ(server.heads(),
            (std::vector<std::string>{"/device/v1/blobs/" + blob.digest + "|Host User-Agent|certificate"}));
  EXPECT_EQ(cdn.heads(), (std::vector<std::string>{"/blob|Host User-Agent|no certificate"}));
}

TEST_F(Redirected, DownloadGoesOnWhereItWasCutWithoutATagThatIsNotTheirs) {
  server.behave("302=" + cdn.url() + " 302=" + cdn.url());
  cdn.behave("cut");
  EXPECT_TRUE(fetch()->passing);
  EXPECT_FALSE(fetch());
  expect_whole();
  EXPECT_EQ(server.requests()[1], "bytes=150000-|\"" + blob.digest + "\"|302=" + cdn.url());
  EXPECT_EQ(cdn.requests()[1], "bytes=150000-|None|ok");
}

TEST_F(Redirected, OtherBytesFromThereAreRefused) {
  server.behave("302=" + cdn.url());
  cdn.behave("wrong-bytes");
  EXPECT_EQ(fetch()->error.code, Errc::digest_mismatch);
  EXPECT_FALSE(std::filesystem::exists(folder / "whole"));
}

TEST_F(Redirected, RefusalThereNamesTheHostAndKeepsTheKey) {
  server.behave("302=" + cdn.url() + "?key=secret 302=" + cdn.url() + "?key=secret");
  cdn.behave("403 cut");
  const auto refused = fetch();
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->passing);
  EXPECT_EQ(refused->error.message, "blob " + blob.digest + " at 'localhost': the server answered 403");
  const auto cut = fetch();
  ASSERT_TRUE(cut);
  EXPECT_TRUE(cut->passing);
  EXPECT_EQ(cdn.heads()[1], "/blob?key=secret|Host User-Agent|no certificate");
  EXPECT_EQ(cut->error.message.find("secret"), std::string::npos) << cut->error.message;
}

TEST_F(Redirected, HostThatIsNotListedIsRefusedByName) {
  redirects.hosts = {"cdn.example", "*.localhost"};
  server.behave("302=" + cdn.url());
  EXPECT_EQ(refusal(),
            "'127.0.0.1' answered 302 and leads to 'localhost', which is not in downloads.redirect_hosts: add it there "
            "if blobs may come from it");
  EXPECT_TRUE(cdn.heads().empty());
}

TEST_F(Redirected, OnlyHttpsIsFollowed) {
  for (const std::string location : {"http://localhost/blob", "//localhost/blob", "ftp://localhost/blob", "blob",
                                     "https://name:secret@localhost/blob", "https://"}) {
    server.behave("302=" + location);
    EXPECT_EQ(refusal(), "'127.0.0.1' answered 302 and leads to no https address: downloads go nowhere else")
        << location;
  }
  server.behave("302");
  EXPECT_EQ(refusal(), "'127.0.0.1' answered 302 without saying where to go");
}

TEST_F(Redirected, ThreeHopsAreFollowedAndNoFourth) {
  server.behave("302=" + cdn.url() + " 302=" + cdn.url());
  cdn.behave("307=/elsewhere 308=" + cdn.url());
  EXPECT_FALSE(fetch());
  EXPECT_EQ(cdn.heads()[1], "/elsewhere|Host User-Agent|no certificate");
  std::filesystem::remove(folder / "whole");
  cdn.behave("307=/elsewhere 308=/there 302=/and-there");
  EXPECT_EQ(refusal(), "'localhost' leads on after 3 redirects: that is one too many");
}

TEST_F(Redirected, HostNeedsAnAuthorityThatIsBelieved) {
  redirects.ca_pem = server.authority().certificate_pem;
  server.behave("302=" + cdn.url());
  const auto failure = fetch();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::unauthenticated);
  EXPECT_NE(failure->error.message.find("localhost"), std::string::npos);
  EXPECT_TRUE(cdn.heads().empty());
}

TEST_F(Redirected, SystemsAuthoritiesAreBelievedThereAndOnlyThere) {
  TempFolder system;
  ASSERT_TRUE(write_file_atomically(system / "ca.pem", cdn.authority().certificate_pem));
  ASSERT_EQ(::setenv("SSL_CERT_FILE", (system / "ca.pem").c_str(), 1), 0);
  redirects.ca_pem.clear();
  server.behave("302=" + cdn.url());
  EXPECT_FALSE(fetch());
  std::filesystem::remove(folder / "whole");
  ASSERT_TRUE(https.set_trust(cdn.trust()));  // our own server is another authority's now
  EXPECT_EQ(fetch()->error.code, Errc::unauthenticated);
  ::unsetenv("SSL_CERT_FILE");
}

TEST_F(Redirected, ProxyLeadsThereToo) {
  const ConnectProxy proxy;
  proxies = ProxyRules(proxy.proxy(), {"127.0.0.1"});
  redirects.hosts = {"*.example"};
  BlobServer far(content, ServerNames{{"cache.cdn.example"}, {}});
  redirects.ca_pem = far.authority().certificate_pem;
  server.behave("302=" + far.url("cache.cdn.example"));
  EXPECT_FALSE(fetch());
  expect_whole();
  EXPECT_EQ(proxy.requests(),
            (std::vector<std::string>{"cache.cdn.example:" + far.endpoint().port + "|None"}));  // which found the name
}

Task<void> ask(HttpsClient& https, int& status) {
  HttpRequest request;
  request.target = "/device/v1/desired";
  const auto answer = co_await https.request(std::move(request));
  status = answer ? answer->head.status : -1;
}

TEST_F(Redirected, OtherRequestsAreNotRedirected) {
  server.behave("302=" + cdn.url());
  int status = 0;
  boost::asio::co_spawn(io, ask(https, status), boost::asio::detached);
  io.run_for(std::chrono::seconds(20));
  EXPECT_EQ(status, 302);
  EXPECT_TRUE(cdn.heads().empty());
}

}  // namespace
}  // namespace argosy::agent

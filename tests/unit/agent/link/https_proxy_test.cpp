#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "agent/link/https_client.hpp"
#include "tests/unit/agent/link/blob_server.hpp"
#include "tests/unit/agent/link/connect_proxy.hpp"

namespace argosy::agent {
namespace {

using test::BlobServer;
using test::ConnectProxy;

Task<void> keep_body(HttpsClient& https, std::optional<Result<std::string>>& outcome) {
  HttpRequest request;
  request.target = "/x";
  auto answer = co_await https.request(std::move(request));
  outcome = answer ? Result<std::string>(answer->body) : Result<std::string>(answer.error());
}

Result<std::string> ask(const BlobServer& server, const std::string& host, const Proxy& proxy) {
  boost::asio::io_context io;
  HttpsClient https(io.get_executor(), server.endpoint(host), proxy);
  EXPECT_TRUE(https.set_trust(server.trust()));
  std::optional<Result<std::string>> outcome;
  boost::asio::co_spawn(io, keep_body(https, outcome), boost::asio::detached);
  io.run_for(std::chrono::seconds(20));
  if (!outcome) return make_error(Errc::internal, "no outcome in time");
  return *outcome;
}

TEST(HttpsProxy, TunnelLeadsToAHostThatOnlyTheProxyKnows) {
  const BlobServer server("hello", ServerNames{{"fleet.example"}, {}});
  const ConnectProxy proxy;
  EXPECT_EQ(ask(server, "fleet.example", proxy.proxy()).value(), "hello");
  EXPECT_EQ(proxy.requests(), (std::vector<std::string>{"fleet.example:" + server.endpoint().port + "|None"}));
}

TEST(HttpsProxy, CredentialsAreShownToTheProxyAlone) {
  const BlobServer server("hello");
  const ConnectProxy proxy;
  EXPECT_EQ(ask(server, "localhost", proxy.proxy("cam", "pass:word")).value(), "hello");
  EXPECT_EQ(proxy.requests()[0], "localhost:" + server.endpoint().port + "|Basic Y2FtOnBhc3M6d29yZA==");
  EXPECT_EQ(server.heads()[0], "/x|Host User-Agent|no certificate");
}

TEST(HttpsProxy, CertificateIsTheServersNotTheProxys) {
  const BlobServer server("hello", ServerNames{{"fleet.example"}, {}});
  const ConnectProxy proxy;
  EXPECT_EQ(ask(server, "other.example", proxy.proxy()).error().code, Errc::unauthenticated);
}

TEST(HttpsProxy, RefusalNamesProxyAndStatus) {
  const BlobServer server("hello");
  for (const std::string status : {"407", "403", "502"}) {
    const ConnectProxy proxy(status);
    const Proxy used = proxy.proxy("cam", "secret");
    const auto answer = ask(server, "localhost", used);
    ASSERT_FALSE(answer);
    const std::string& message = answer.error().message;
    EXPECT_TRUE(message.starts_with("the proxy " + used.address() + " answered " + status + " to CONNECT localhost:"))
        << message;
    EXPECT_EQ(message.find("network.proxy") != std::string::npos, status == "407");
    EXPECT_EQ(message.find("secret"), std::string::npos);
    EXPECT_EQ(answer.error().code, status == "407" ? Errc::unauthenticated : Errc::unavailable);
  }
}

TEST(HttpsProxy, ProxyThatIsGoneIsNamed) {
  const BlobServer server("hello");
  const auto answer = ask(server, "localhost", Proxy{{"127.0.0.1", "1"}, "cam", "secret"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_TRUE(answer.error().message.starts_with("cannot reach the proxy 127.0.0.1:1: ")) << answer.error().message;
}

}  // namespace
}  // namespace argosy::agent

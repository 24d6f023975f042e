#include "agent/link/https_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "tests/unit/agent/link/blob_server.hpp"

namespace argosy::agent {
namespace {

using test::BlobServer;
namespace asio = boost::asio;

HttpRequest to(std::string method, std::string body = "") {
  HttpRequest request;
  request.method = std::move(method);
  request.target = "/x";
  request.body = std::move(body);
  return request;
}

Task<void> keep_outcome(HttpsClient& https, HttpRequest request, std::optional<Result<HttpResponse>>& outcome) {
  outcome = co_await https.request(std::move(request));
}

Result<HttpResponse> ask(asio::io_context& io, HttpsClient& https, HttpRequest request = to("GET")) {
  std::optional<Result<HttpResponse>> outcome;
  asio::co_spawn(io, keep_outcome(https, std::move(request), outcome), asio::detached);
  io.restart();
  io.run_for(std::chrono::seconds(20));
  if (!outcome) return make_error(Errc::internal, "no outcome in time");
  return *outcome;
}

std::string fingerprint(const std::string& pem) {
  return read_certificate(pem)->fingerprint.to_hex();
}

TEST(HttpsClient, AsksAndPosts) {
  const BlobServer server("hello");
  asio::io_context io;
  HttpsClient https(io.get_executor(), server.endpoint());
  ASSERT_TRUE(https.set_trust(server.trust()));
  EXPECT_EQ(ask(io, https)->body, "hello");
  EXPECT_EQ(ask(io, https, to("POST", "{}"))->body, "{}");
}

TEST(HttpsClient, ProblemBecomesAnError) {
  BlobServer server("hello");
  asio::io_context io;
  HttpsClient https(io.get_executor(), server.endpoint());
  ASSERT_TRUE(https.set_trust(server.trust()));
  server.behave("503");
  const auto response = ask(io, https, to("POST", "{}"));
  ASSERT_TRUE(response);
  const Error error = error_of(*response, "a call");
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_NE(error.message.find("busy"), std::string::npos);
  EXPECT_EQ(response->head.retry_after(), Duration{7000});
}

TEST(HttpsClient, RetryAfterIsSecondsOrADate) {
  const auto wait = [](const std::string& said, const std::string& sent = "Mon, 23 Nov 2026 04:00:00 GMT") {
    return HttpHead{503, {{"retry-after", said}, {"date", sent}}}.retry_after();
  };
  EXPECT_EQ(wait("0"), Duration{0});
  EXPECT_EQ(wait("120"), std::chrono::minutes(2));
  EXPECT_EQ(wait("99999999"), std::chrono::hours(24));
  EXPECT_EQ(wait("-5"), Duration{0});
  EXPECT_EQ(wait("Mon, 23 Nov 2026 04:10:00 GMT"), std::chrono::minutes(10));
  EXPECT_EQ(wait("Sun, 22 Nov 2026 04:10:00 GMT"), Duration{0});
  EXPECT_EQ(wait("Thu, 23 Nov 2028 04:10:00 GMT"), std::chrono::hours(24));
  for (const std::string nonsense : {"", "soon", "12 s", "9999999999999999999999"}) EXPECT_FALSE(wait(nonsense));
  EXPECT_FALSE(wait("Mon, 23 Nov 2026 04:10:00 GMT", ""));  // whose clock would that be
  EXPECT_FALSE(HttpHead{}.retry_after());
}

TEST(HttpsClient, AnotherAuthorityIsNotTrusted) {
  const BlobServer server("hello");
  const BlobServer stranger("hello");
  asio::io_context io;
  HttpsClient https(io.get_executor(), server.endpoint());
  ASSERT_TRUE(https.set_trust(stranger.trust()));
  EXPECT_EQ(ask(io, https).error().code, Errc::unauthenticated);
}

TEST(HttpsClient, AnotherHostsCertificateIsNotTrusted) {
  const BlobServer server("hello", ServerNames{{"fleet.example"}, {}});
  asio::io_context io;
  HttpsClient https(io.get_executor(), server.endpoint());
  ASSERT_TRUE(https.set_trust(server.trust()));
  EXPECT_EQ(ask(io, https).error().code, Errc::unauthenticated);
}

TEST(HttpsClient, PinnedFingerprintStandsForTheAuthority) {
  const BlobServer server("hello");
  asio::io_context io;
  HttpsClient https(io.get_executor(), server.endpoint());
  Trust pinned;
  pinned.ca_sha256 = fingerprint(server.authority().certificate_pem);
  ASSERT_TRUE(https.set_trust(pinned));
  EXPECT_EQ(ask(io, https)->body, "hello");

  HttpsClient careful(io.get_executor(), server.endpoint());
  pinned.ca_sha256 = std::string(64, '0');
  ASSERT_TRUE(careful.set_trust(pinned));
  EXPECT_EQ(ask(io, careful).error().code, Errc::unauthenticated);
}

TEST(HttpsClient, PinDoesNotExcuseAnotherHostsCertificate) {
  const BlobServer server("hello", ServerNames{{"fleet.example"}, {}});
  asio::io_context io;
  HttpsClient https(io.get_executor(), server.endpoint());
  Trust pinned;
  pinned.ca_sha256 = fingerprint(server.authority().certificate_pem);
  ASSERT_TRUE(https.set_trust(pinned));
  EXPECT_EQ(ask(io, https).error().code, Errc::unauthenticated);
}

TEST(HttpsClient, NobodyIsTrustedWithoutAnAuthority) {
  const BlobServer server("hello");
  asio::io_context io;
  HttpsClient https(io.get_executor(), server.endpoint());
  EXPECT_EQ(ask(io, https).error().code, Errc::unauthenticated);
  ASSERT_TRUE(https.set_trust({}));
  EXPECT_EQ(ask(io, https).error().code, Errc::unauthenticated);
}

TEST(HttpsClient, ServerThatIsGoneIsUnavailable) {
  asio::io_context io;
  HttpsClient https(io.get_executor(), Endpoint{"127.0.0.1", "1"});
  ASSERT_TRUE(https.set_trust({}));
  EXPECT_EQ(ask(io, https).error().code, Errc::unavailable);
}

TEST(HttpsClient, AnswersAreLimited) {
  const BlobServer server(std::string(10'000, 'x'));
  asio::io_context io;
  HttpsClient https(io.get_executor(), server.endpoint());
  ASSERT_TRUE(https.set_trust(server.trust()));
  HttpRequest request = to("GET");
  request.response_limit = 9'999;
  const auto response = ask(io, https, request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message, "GET /x: body limit exceeded");
}

TEST(HttpsClient, HeadsOfAnswersAreLimited) {
  BlobServer server("hello");
  asio::io_context io;
  for (const char* word : {"large-head", "endless-head"}) {
    HttpsClient https(io.get_executor(), server.endpoint());
    ASSERT_TRUE(https.set_trust(server.trust()));
    server.behave(word);
    const auto response = ask(io, https);
    ASSERT_FALSE(response) << word;
    EXPECT_EQ(response.error().message, "GET /x: header limit exceeded") << word;
    EXPECT_EQ(ask(io, https)->body, "hello") << "over a new connection";
  }
}

}  // namespace
}  // namespace argosy::agent

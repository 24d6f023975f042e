#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "server/monitoring/otlp_exporter_service.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

TEST(OtlpTarget, IsBelowThePathThatIsGiven) {
  const auto plain = otlp_target("http://127.0.0.1:4318", "").value();
  EXPECT_FALSE(plain.server.tls);
  EXPECT_EQ(plain.server.endpoint.host_and_port(), "127.0.0.1:4318");
  EXPECT_EQ(plain.path, "/v1/metrics");
  const auto below = otlp_target("https://collector.example/otlp/", "").value();
  EXPECT_TRUE(below.server.tls);
  EXPECT_EQ(below.path, "/otlp/v1/metrics");
  for (const char* wrong : {"collector:4318", "ftp://collector", "https://"})
    EXPECT_EQ(otlp_target(wrong, "").error().code, Errc::invalid_argument) << wrong;
}

TEST(OtlpTarget, MayBeTheWholeAddress) {
  EXPECT_EQ(otlp_target("http://c/v1/metrics", "").value().path, "/v1/metrics");
  EXPECT_EQ(otlp_target("https://c/otlp/v1/metrics/", "").value().path, "/otlp/v1/metrics");
}

TEST(OtlpTarget, ShowsNoPasswordOfAWrongEndpoint) {
  for (const char* wrong : {"https://name:secret@collector", "http://name:secret@collector:4318/x",
                            "https://collector/?key=secret", "http://collector/v1/metrics#secret"}) {
    const auto refused = otlp_target(wrong, "");
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().message.find("secret"), std::string::npos) << refused.error().message;
    EXPECT_NE(refused.error().message.find("otlp.headers"), std::string::npos) << refused.error().message;
  }
}

TEST(OtlpTarget, HasHeadersAsTheEnvironmentVariableOfOtlpHasThem) {
  EXPECT_EQ(otlp_target("http://c", "authorization=Bearer%20s%3Dcret, x-tenant = fleet ,").value().headers,
            (Headers{{"authorization", "Bearer s=cret"}, {"x-tenant", "fleet"}}));
  for (const char* wrong : {"secret", "=secret", "a b=secret", "a=%0d%0asecret", "a=secret%4", "a=secret%zz"}) {
    const auto refused = otlp_target("http://c", wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().message.find("secret"), std::string::npos) << refused.error().message;
  }
}

TEST(OtlpTarget, LeavesTheRequestsOwnHeadersToArgosyd) {
  for (const char* ours : {"Content-Type=text/plain", "host=elsewhere", "transfer-encoding=chunked"}) {
    const auto refused = otlp_target("http://c", ours);
    ASSERT_FALSE(refused) << ours;
    EXPECT_NE(refused.error().message.find("argosyd's own"), std::string::npos) << refused.error().message;
  }
}

TEST(OtlpExporter, DoesNotWaitForASlowCollectorWhenItIsStopped) {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ip::tcp::acceptor collector(io, {asio::ip::address_v4::loopback(), 0});
  std::optional<asio::ip::tcp::socket> silent;  // takes the request and never answers
  collector.async_accept(
      [&silent](boost::system::error_code, asio::ip::tcp::socket taken) { silent = std::move(taken); });
  OtlpOptions options;
  options.target = otlp_target("http://127.0.0.1:" + std::to_string(collector.local_endpoint().port()), "").value();
  options.timeout = Duration{600'000};
  OtlpExporter exporter(io.get_executor(), options,
                        []() -> Task<std::vector<FigureFamily>> { co_return std::vector<FigureFamily>{}; });
  ASSERT_TRUE(test::run_until(io, [&silent] { return silent.has_value(); }));
  test::run_task(io, exporter.stop());
  EXPECT_EQ(exporter.counters().exported, 0U);
  EXPECT_EQ(exporter.counters().failed, 1U);
}

}  // namespace
}  // namespace argosy::server

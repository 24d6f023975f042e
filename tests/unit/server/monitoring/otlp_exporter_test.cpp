#include <gtest/gtest.h>

#include "server/monitoring/otlp_exporter_service.hpp"

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
  for (const char* wrong : {"collector:4318", "ftp://collector", "https://name:word@collector", "https://"})
    EXPECT_EQ(otlp_target(wrong, "").error().code, Errc::invalid_argument) << wrong;
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

}  // namespace
}  // namespace argosy::server

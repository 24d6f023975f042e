#include "net/mqtt_options.hpp"

#include <gtest/gtest.h>
#include <mqtt/connect_options.h>

namespace argosy::net {
namespace {

using namespace std::chrono_literals;

TEST(MqttOptions, AnIdentityMakesATlsSessionWithAVerifiedBroker) {
  const auto options = make_connect_options({{"ca.pem", "own.pem", "own.key"}, 20s, 10s, 1000});
  EXPECT_TRUE(options.is_clean_session());
  EXPECT_FALSE(options.get_automatic_reconnect());
  EXPECT_EQ(options.get_keep_alive_interval(), 20s);
  EXPECT_EQ(options.get_connect_timeout(), 10s);
  EXPECT_EQ(options.get_max_inflight(), 1000);
  const auto& tls = options.get_ssl_options();
  EXPECT_EQ(tls.get_trust_store(), "ca.pem");
  EXPECT_EQ(tls.get_key_store(), "own.pem");
  EXPECT_EQ(tls.get_private_key(), "own.key");
  EXPECT_TRUE(tls.get_enable_server_cert_auth());
  EXPECT_TRUE(tls.get_verify());
}

TEST(MqttOptions, WithoutAnAuthorityThereIsNoTls) {
  EXPECT_TRUE(make_connect_options({}).get_ssl_options().get_trust_store().empty());
}

}  // namespace
}  // namespace argosy::net

#include "server/notify/standard_webhook.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant signed_at = instant_from_ms(1'614'265'330'000);

// The example that the libraries of Standard Webhooks are tested with.
TEST(StandardWebhook, SignsAsThePublishedExample) {
  const auto signature = webhook_signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                           1614265330, R"({"test": 2432232314})");
  ASSERT_TRUE(signature);
  EXPECT_EQ(*signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(StandardWebhook, RefusesWhatIsNoSecret) {
  for (const char* secret : {"", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%"})
    EXPECT_FALSE(webhook_signature(secret, "msg_1", 1, "{}")) << secret;
}

TEST(StandardWebhook, MakesSecretsThatSignAndAreNeverTheSame) {
  const std::string one = make_signing_secret(), other = make_signing_secret();
  EXPECT_NE(one, other);
  EXPECT_TRUE(webhook_signature(one, "msg_1", 1, "{}"));
}

TEST(StandardWebhook, TheOldSecretSignsBesideTheNewOneForAWhile) {
  const std::string first = make_signing_secret(), second = make_signing_secret();
  auto secrets = rotated({}, first, signed_at, signed_at);
  ASSERT_EQ(secrets.size(), 1u);
  secrets = rotated(secrets, second, signed_at + std::chrono::hours(24), signed_at);
  const auto both = webhook_headers(secrets, "msg_1", "{}", signed_at).value();
  ASSERT_EQ(both.size(), 3u);
  EXPECT_EQ(both[0], (std::pair<std::string, std::string>("webhook-id", "msg_1")));
  EXPECT_EQ(both[1], (std::pair<std::string, std::string>("webhook-timestamp", "1614265330")));
  EXPECT_EQ(both[2].second, webhook_signature(second, "msg_1", 1614265330, "{}").value() + " " +
                                webhook_signature(first, "msg_1", 1614265330, "{}").value());
  const Instant later = signed_at + std::chrono::hours(24);
  EXPECT_EQ(webhook_headers(secrets, "msg_1", "{}", later).value()[2].second,
            webhook_signature(second, "msg_1", to_ms(later) / 1000, "{}").value());
}

TEST(StandardWebhook, SecretsThatAreOverGoAndThereAreNeverMoreThanThree) {
  std::vector<SigningSecret> secrets;
  for (int i = 0; i < 6; ++i)
    secrets = rotated(std::move(secrets), make_signing_secret(), signed_at + std::chrono::hours(1), signed_at);
  EXPECT_EQ(secrets.size(), most_signing_secrets);
  secrets = rotated(std::move(secrets), make_signing_secret(), signed_at, signed_at);
  EXPECT_EQ(secrets.size(), most_signing_secrets) << "the one that was present goes at once";
  secrets = rotated(std::move(secrets), make_signing_secret(), signed_at + std::chrono::hours(3),
                    signed_at + std::chrono::hours(2));
  EXPECT_EQ(secrets.size(), 2u);
}

}  // namespace
}  // namespace argosy::server

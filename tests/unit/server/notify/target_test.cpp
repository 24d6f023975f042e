#include "server/notify/target.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

using nlohmann::json;

const json mail{{"kind", "email"},       {"host", "mail.example.com"},   {"user", "argosy"},
                {"password", "hunter2"}, {"from", "argosy@example.com"}, {"to", {"a@example.com", "b@example.com"}}};
const json slack{{"kind", "slack"}, {"url", "https://hooks.slack.com/services/T0/B0/secret"}};

json without(json document, const char* key) {
  document.erase(key);
  return document;
}
json with(json document, const char* key, json value) {
  document[key] = std::move(value);
  return document;
}

TEST(Target, WhatIsShownHoldsNoSecret) {
  const json pagerduty{{"kind", "pagerduty"}, {"routing_key", "R0UT1NGK3Y"}};
  for (const json& document : {mail, slack, pagerduty}) {
    const GivenTarget given = read_target(document).value();
    const std::string shown = target_to_json(given.target).dump();
    for (const char* secret : {"hunter2", "secret", "R0UT1NGK3Y", "services"})
      EXPECT_EQ(shown.find(secret), std::string::npos) << shown;
    EXPECT_EQ(target_from_json(json::parse(shown)).value(), given.target);
  }
  EXPECT_EQ(target_to_json(read_target(slack).value().target).at("host"), "hooks.slack.com");
}

TEST(Target, SecretsComeBackAsTheyWere) {
  TargetSecrets secrets{{{"whsec_a", {}}, {"whsec_b", instant_from_ms(1000)}}, "https://x", "pass", "key"};
  const TargetSecrets back = secrets_from_text(secrets_to_text(secrets)).value();
  ASSERT_EQ(back.signing.size(), 2u);
  EXPECT_EQ(back.signing[0].text, "whsec_a");
  EXPECT_EQ(back.signing[1].until, instant_from_ms(1000));
  EXPECT_EQ(back.url + back.password + back.routing_key, "https://xpasskey");
}

TEST(Target, RefusesWhatCannotBeSentTo) {
  const json webhook{{"kind", "webhook"}, {"url", "https://example.com/hook"}};
  EXPECT_TRUE(read_target(webhook));
  for (const char* url :
       {"", "example.com", "ftp://example.com", "https://", "https://user:pass@example.com/", "https://example.com/a b",
        "https://example.com/#x", "file:///etc/passwd", "https://example.com/\r\nHost: x"})
    EXPECT_FALSE(read_target(with(webhook, "url", url))) << url;
  EXPECT_FALSE(read_target(with(webhook, "kind", "pigeon")));
  EXPECT_FALSE(read_target(with(webhook, "colour", "red"))) << "unknown keys";
  EXPECT_FALSE(read_target(with(mail, "from", "not an address")));
  EXPECT_FALSE(read_target(with(mail, "to", json::array())));
  EXPECT_FALSE(read_target(with(mail, "to", {"a@example.com\r\nBcc: b@example.com"})));
  EXPECT_FALSE(read_target(with(mail, "to", {"a@example.com,b@example.com"})));
  EXPECT_FALSE(read_target(with(mail, "host", "mail/../x")));
  EXPECT_FALSE(read_target(with(mail, "tls", "none"))) << "a password in the clear";
  EXPECT_TRUE(read_target(without(without(with(mail, "tls", "none"), "user"), "password")));
}

TEST(Target, ASecretStaysForThePlaceThatItWasGivenForAlone) {
  const GivenTarget first = read_target(mail).value();
  const TargetSecrets kept = keep_secrets(first, nullptr, {}).value();
  const GivenTarget other_recipients = read_target(with(without(mail, "password"), "to", {"c@example.com"})).value();
  EXPECT_EQ(keep_secrets(other_recipients, &first.target, kept).value().password, "hunter2");
  const GivenTarget other_host = read_target(with(without(mail, "password"), "host", "evil.example.com")).value();
  EXPECT_FALSE(keep_secrets(other_host, &first.target, kept));
  const GivenTarget no_tls = read_target(with(without(mail, "password"), "tls", "implicit")).value();
  EXPECT_FALSE(keep_secrets(no_tls, &first.target, kept));
}

TEST(Target, AMissingSecretIsNamed) {
  const auto missing = keep_secrets(read_target(without(mail, "password")).value(), nullptr, {});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("target.password"), std::string::npos) << missing.error().message;
  EXPECT_FALSE(keep_secrets(read_target(json{{"kind", "pagerduty"}}).value(), nullptr, {}));
  EXPECT_FALSE(keep_secrets(read_target(json{{"kind", "slack"}}).value(), nullptr, {}));
}

}  // namespace
}  // namespace argosy::server

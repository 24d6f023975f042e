#include "server/devices/enrolment.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant now = instant_from_ms(1'700'000'000'000);
constexpr Duration way_back = 24h;

Claim good_claim() {
  Claim claim;
  claim.max_uses = 1;
  claim.expires_at = now + 1h;
  return claim;
}

KnownDevice known_device(std::string key) {
  return {std::move(key), now + 24h, std::nullopt};
}

Result<Enrolment> decide(const std::optional<Claim>& claim, const std::optional<KnownDevice>& known) {
  return decide_enrolment(claim, known, "cam-7", {"key", false}, way_back, now);
}

TEST(Enrolment, ANewNameSpendsAClaim) {
  EXPECT_EQ(decide(good_claim(), std::nullopt).value(), Enrolment::fresh);
}

TEST(Enrolment, ClaimsThatAreUnknownRevokedOrUsedUpAreInvalid) {
  EXPECT_EQ(decide(std::nullopt, std::nullopt).error().code, Errc::claim_invalid);
  Claim claim = good_claim();
  claim.uses = 1;
  EXPECT_EQ(decide(claim, std::nullopt).error().code, Errc::claim_invalid);
  claim = good_claim();
  claim.revoked_at = now;
  EXPECT_EQ(decide(claim, std::nullopt).error().code, Errc::claim_invalid);
}

TEST(Enrolment, AnExpiredClaimSaysSo) {
  Claim claim = good_claim();
  claim.expires_at = now;
  EXPECT_EQ(decide(claim, std::nullopt).error().code, Errc::claim_expired);
}

TEST(Enrolment, TheSameDeviceWithTheSameKeyComesAgainForNothing) {
  Claim claim = good_claim();
  claim.uses = 1;
  claim.expires_at = now - 1h;
  EXPECT_EQ(decide(claim, known_device("key")).value(), Enrolment::again);
}

TEST(Enrolment, TheWayBackIsBounded) {
  KnownDevice known = known_device("key");
  known.certificate_not_after = now - 24h;
  EXPECT_EQ(decide(good_claim(), known).value(), Enrolment::fresh);
  Claim spent = good_claim();
  spent.uses = 1;
  EXPECT_EQ(decide(spent, known).error().code, Errc::claim_invalid);
}

TEST(Enrolment, AnotherKeyUnderTheSameNameFindsItTaken) {
  EXPECT_EQ(decide(good_claim(), known_device("other")).value(), Enrolment::taken);
  Claim spent = good_claim();
  spent.uses = 1;
  EXPECT_EQ(decide(spent, known_device("other")).error().code, Errc::claim_invalid) << "a stranger does not even ask";
}

TEST(Enrolment, ARevokedNameTakesANewKeyButNotTheRevokedOne) {
  KnownDevice known = known_device("key");
  known.revoked_at = now - 1h;
  EXPECT_EQ(decide(good_claim(), known).error().code, Errc::conflict);
  known.key_sha256 = "other";
  EXPECT_EQ(decide(good_claim(), known).value(), Enrolment::fresh);
}

TEST(Enrolment, ARevokedKeyComesUnderNoName) {
  const KeyFacts refused{"key", true};
  for (const auto& known :
       {std::optional<KnownDevice>(), std::optional(known_device("key")), std::optional(known_device("other"))})
    EXPECT_EQ(decide_enrolment(good_claim(), known, "cam-7", refused, way_back, now).error().code, Errc::conflict);
}

TEST(Enrolment, TheRequestIsReadStrictly) {
  const auto request = parse_enrolment(
      R"({"claim": "t", "device": "cam-7", "hardware_class": "cpu", "csr": "PEM", "labels": {"site": "x"}})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->device.value(), "cam-7");
  EXPECT_EQ(request->labels.at("site"), "x");
  const auto error = [](const char* device, const char* more) {
    return parse_enrolment(R"({"claim": "t", "hardware_class": "cpu", "csr": "PEM", "device": ")" +
                           std::string(device) + "\"" + more + "}")
        .error()
        .message;
  };
  EXPECT_EQ(error("argosyd", ""), "field 'device' is the server's own name; choose another");
  EXPECT_EQ(error("argosyd-probe", ""), "field 'device' is the server's own name; choose another");
  EXPECT_EQ(error("a/b", ""), "field 'device' must match [A-Za-z0-9_-]{1,64}");
  EXPECT_EQ(error("cam", R"(, "labels": {"a b": "c"})"),
            "field 'labels.a b' has a key that does not match [A-Za-z0-9_-]{1,64}");
  EXPECT_EQ(error("cam", R"(, "lables": {})"),
            "field 'lables' is not known here; known are: board, claim, csr, device, hardware_class, labels");
}

TEST(Claim, ItsLimitsAreChecked) {
  ClaimOffer offer;
  offer.expires_in_s = 3600;
  EXPECT_TRUE(check_claim(offer));
  offer.max_uses = 0;
  EXPECT_EQ(check_claim(offer).error().message, "field 'max_uses' must be from 1 to 1000000");
  offer.max_uses = 1;
  offer.expires_in_s = 366LL * 86400 + 1;
  EXPECT_FALSE(check_claim(offer));
}

}  // namespace
}  // namespace argosy::server

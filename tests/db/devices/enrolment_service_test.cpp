#include "server/devices/enrolment_service.hpp"

#include "server/devices/device_service.hpp"
#include "tests/db/devices/devices_fixture.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

class EnrolmentServiceTest : public DevicesTest {
 protected:
  CertificateAndKey authority = make_authority("test fleet", {now - 24h, now + 24h * 365}).value();
  EnrolmentService enrolment{pool, options()};
  DeviceService devices{pool};
  const std::string key = make_private_key().value();
  const std::string other_key = make_private_key().value();

  EnrolmentOptions options() const {
    EnrolmentOptions made;
    made.authority = authority;
    made.mqtt_host = "broker.test";
    made.mqtt_port = 8884;
    return made;
  }
  std::string claim(int max_uses = 1, std::int64_t expires_in_s = 3600) {
    ClaimOffer offer;
    offer.max_uses = max_uses;
    offer.expires_in_s = expires_in_s;
    return run(enrolment.create_claim(offer, "user:ada", now)).value().token;
  }
  Result<Credentials> enrol(const std::string& token, const std::string& device, const std::string& private_key,
                            Duration later = 0s) {
    EnrolmentRequest request;
    request.claim = token;
    request.device = DeviceId{device};
    request.hardware_class = "cpu";
    request.csr_pem = make_csr(private_key, device).value();
    request.labels = {{"site", "berlin"}};
    return run(enrolment.enrol(std::move(request), "192.0.2.7", now + later));
  }
  bool is_current(const std::string& device, const std::string& certificate) {
    return run(enrolment.is_current(DeviceId{device}, read_certificate(certificate)->fingerprint)).value();
  }
  Result<Credentials> renew(const std::string& device, const std::string& private_key) {
    return run(enrolment.renew(DeviceId{device}, make_csr(private_key, device).value(), "192.0.2.7", now));
  }
  Result<Credentials> come_back(const std::string& device, const std::string& private_key, Duration later = 0s) {
    const std::string challenge = enrolment.challenge(now + later);
    ReturnRequest request{DeviceId{device}, make_csr(private_key, device, challenge).value(), challenge};
    return run(enrolment.come_back(std::move(request), "192.0.2.7", now + later));
  }
  static std::string serial(const Credentials& credentials) {
    return read_certificate(credentials.certificate_pem)->serial_hex;
  }
  // "revoked 4af…,replaced 77…", in the order in which they ended.
  std::string ended() {
    return database.value<std::string>(
        "select coalesce(string_agg(reason || ' ' || serial, ',' order by id), '') from ended_certificates");
  }
  int uses() { return database.value<int>("select sum(uses) from claims"); }
};

TEST_F(EnrolmentServiceTest, ADeviceGetsACertificateOfTheFleet) {
  const Credentials credentials = enrol(claim(), "cam-7", key).value();
  EXPECT_TRUE(check_issued_by(credentials.certificate_pem, authority.certificate_pem, now));
  EXPECT_TRUE(check_key_matches(credentials.certificate_pem, key));
  EXPECT_EQ(read_certificate(credentials.certificate_pem)->common_name, "cam-7");
  EXPECT_EQ(credentials.mqtt_host, "broker.test");
  EXPECT_TRUE(is_current("cam-7", credentials.certificate_pem));
  EXPECT_EQ(database.value<std::string>("select labels->>'site' from devices"), "berlin");
  EXPECT_EQ(database.value<std::string>("select presence from device_state"), "never_seen");
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'device.enrolled'"), 1);
}

TEST_F(EnrolmentServiceTest, TheTokenIsNotStored) {
  const std::string token = claim();
  EXPECT_EQ(
      database.value<int>("select count(*) from claims where encode(token_hash, 'escape') like '%" + token + "%'"), 0);
  EXPECT_EQ(database.value<int>("select octet_length(token_hash) from claims"), 32);
}

TEST_F(EnrolmentServiceTest, TheClaimForcesClassAndLabels) {
  ClaimOffer offer;
  offer.expires_in_s = 60;
  offer.hardware_class = "orin";
  offer.labels = {{"site", "paris"}};
  const std::string token = run(enrolment.create_claim(offer, "user:ada", now))->token;
  ASSERT_TRUE(enrol(token, "cam-7", key));
  EXPECT_EQ(database.value<std::string>("select hardware_class || ' ' || (labels->>'site') from devices"),
            "orin paris");
}

TEST_F(EnrolmentServiceTest, ClaimsAreCountedAndExpire) {
  const std::string token = claim(1, 60);
  EXPECT_EQ(enrol("nonsense", "cam-1", key).error().code, Errc::claim_invalid);
  EXPECT_EQ(enrol(token, "cam-1", key, 61s).error().code, Errc::claim_expired);
  EXPECT_TRUE(enrol(token, "cam-1", key));
  EXPECT_EQ(enrol(token, "cam-2", other_key).error().code, Errc::claim_invalid);
}

TEST_F(EnrolmentServiceTest, ARevokedClaimIsInvalid) {
  const std::string token = claim();
  const std::int64_t id = run(enrolment.list_claims())->at(0).id;
  EXPECT_TRUE(run(enrolment.revoke_claim(id, "user:ada", now)));
  EXPECT_EQ(enrol(token, "cam-1", key).error().code, Errc::claim_invalid);
  EXPECT_EQ(run(enrolment.revoke_claim(id + 1, "user:ada", now)).error().code, Errc::not_found);
}

TEST_F(EnrolmentServiceTest, ALostAnswerCostsNothing) {
  const std::string token = claim();
  const Credentials lost = enrol(token, "cam-7", key).value();
  const Credentials again = enrol(token, "cam-7", key).value();
  EXPECT_EQ(uses(), 1);
  EXPECT_TRUE(is_current("cam-7", lost.certificate_pem));
  EXPECT_TRUE(is_current("cam-7", again.certificate_pem));
}

TEST_F(EnrolmentServiceTest, AnotherKeyIsAConflictUntilTheOldDeviceIsRevoked) {
  const std::string token = claim(5);
  const Credentials old = enrol(token, "cam-7", key).value();
  EXPECT_EQ(enrol(token, "cam-7", other_key).error().code, Errc::conflict);
  database.exec("update devices set revoked_at = now()");
  EXPECT_FALSE(is_current("cam-7", old.certificate_pem));
  EXPECT_EQ(enrol(token, "cam-7", key).error().code, Errc::conflict);
  const Credentials fresh = enrol(token, "cam-7", other_key).value();
  EXPECT_TRUE(is_current("cam-7", fresh.certificate_pem));
  EXPECT_FALSE(is_current("cam-7", old.certificate_pem));
}

// Of the present, by which the database shows who asks.
class ReplacementTest : public EnrolmentServiceTest {
 protected:
  const Duration today = wall_clock_now() - now;
  const DeviceId cam{"cam-7"};
  const std::string token = claim(5, max_claim_seconds);
  const Credentials old = enrol(token, "cam-7", key, today).value();

  std::optional<Replacement> asking() { return run(devices.get(cam))->replacement; }
  Result<Device> settle(bool take, const std::string& of_key) {
    return run(devices.settle_replacement(cam, {of_key, take}, "user:ada", now + today));
  }
  int events(const std::string& kind) {
    return database.value<int>("select count(*) from events where kind = '" + kind + "'");
  }
};

TEST_F(ReplacementTest, ABoardAsksAndNothingHappensToTheDevice) {
  for (const Duration later : {0s, 300s, 600s})
    EXPECT_NE(enrol(token, "cam-7", other_key, today + later).error().message.find("argosy device replace cam-7"),
              std::string::npos);
  EXPECT_TRUE(is_current("cam-7", old.certificate_pem));
  EXPECT_EQ(uses(), 1);
  EXPECT_EQ(events("device.replacement_asked"), 1);
  ASSERT_TRUE(asking());
  EXPECT_EQ(asking()->address, "192.0.2.7");
  EXPECT_EQ(asking()->last_asked_at - asking()->asked_at, 600s);
  EXPECT_EQ(run(devices.list({}))->items.at(0).replacement->key_sha256, asking()->key_sha256);
  EXPECT_EQ(run(devices.replacements(now + today))->size(), 1U);
  EXPECT_EQ(run(devices.replacements(now + today + 25h))->size(), 0U);
}

TEST_F(ReplacementTest, OneThatIsLetInTakesThePlaceWithItsLabelsAndTheOldBoardIsLockedOut) {
  ASSERT_TRUE(run(devices.patch_labels(cam, {{"site", "oslo"}}, "user:ada")));
  ASSERT_FALSE(enrol(token, "cam-7", other_key, today));
  ASSERT_TRUE(settle(true, asking()->key_sha256));
  EXPECT_TRUE(is_current("cam-7", old.certificate_pem)) << "until the other has come";
  EXPECT_FALSE(enrol(token, "cam-7", make_private_key().value(), today)) << "a third board";
  const Credentials fresh = enrol(token, "cam-7", other_key, today + 60s).value();
  EXPECT_TRUE(is_current("cam-7", fresh.certificate_pem));
  EXPECT_FALSE(is_current("cam-7", old.certificate_pem));
  EXPECT_EQ(enrol(token, "cam-7", key, today + 120s).error().code, Errc::conflict) << "the key of the old board";
  EXPECT_FALSE(asking());
  EXPECT_EQ(uses(), 2);
  EXPECT_EQ(run(devices.get(cam))->labels.at("site"), "oslo");
  EXPECT_EQ(database.value<int>("select count(*) from audit where action in ('device.replace', 'device.revoke') "
                                "and actor = 'user:ada'"),
            2);
  EXPECT_EQ(ended(), "revoked " + serial(old));
  EXPECT_TRUE(enrol(token, "cam-7", other_key, today + 120s)) << "a lost answer";
}

TEST_F(ReplacementTest, OneThatIsTurnedDownIsRefusedAndAnotherMayAsk) {
  ASSERT_FALSE(enrol(token, "cam-7", other_key, today));
  const std::string asker = asking()->key_sha256;
  EXPECT_EQ(settle(true, std::string(64, 'a')).error().code, Errc::conflict) << "not the board that asks";
  ASSERT_TRUE(settle(false, asker));
  EXPECT_NE(enrol(token, "cam-7", other_key, today).error().message.find("turned this board down"), std::string::npos);
  EXPECT_EQ(run(devices.replacements(now + today))->size(), 0U);
  const std::string single = claim(1, max_claim_seconds);
  for (const Duration later : {900s, 1800s})
    ASSERT_FALSE(enrol(single, "cam-7", make_private_key().value(), today + later));
  EXPECT_EQ(events("device.replacement_asked"), 3);
  EXPECT_NE(asking()->key_sha256, asker);
  EXPECT_TRUE(is_current("cam-7", old.certificate_pem));
  EXPECT_EQ(run(devices.settle_replacement(DeviceId{"ghost"}, {asker, true}, "user:ada", now)).error().code,
            Errc::not_found);
}

TEST_F(ReplacementTest, AStrangersClaimFillsNoMoreThanItsUsesAndWithItGoesWhatItAsked) {
  const std::string strangers = claim(2, max_claim_seconds);
  for (const std::string name : {"cam-1", "cam-2", "cam-3"})
    ASSERT_TRUE(enrol(token, name, make_private_key().value(), today));
  for (const std::string name : {"cam-1", "cam-2", "cam-3"})
    EXPECT_EQ(enrol(strangers, name, make_private_key().value(), today).error().code, Errc::conflict);
  EXPECT_EQ(events("device.replacement_asked"), 2);
  EXPECT_FALSE(enrol("nonsense", "cam-3", other_key, today));
  EXPECT_EQ(run(devices.replacements(now + today))->size(), 2U);
  ASSERT_TRUE(run(enrolment.revoke_claim(run(enrolment.list_claims())->at(0).id, "user:ada", now + today)));
  EXPECT_EQ(run(devices.replacements(now + today))->size(), 0U);
}

TEST_F(EnrolmentServiceTest, RenewalKeepsTheOldCertificateUntilTheNewOneIsUsed) {
  const Credentials old = enrol(claim(), "cam-7", key).value();
  const std::string csr = make_csr(key, "cam-7").value();
  const Credentials fresh = run(enrolment.renew(DeviceId{"cam-7"}, csr, "192.0.2.7", now + 24h)).value();
  EXPECT_TRUE(is_current("cam-7", old.certificate_pem));
  EXPECT_TRUE(is_current("cam-7", fresh.certificate_pem));
  EXPECT_FALSE(is_current("cam-7", old.certificate_pem));
  EXPECT_TRUE(is_current("cam-7", fresh.certificate_pem));
  EXPECT_EQ(
      run(enrolment.renew(DeviceId{"stranger"}, make_csr(key, "stranger").value(), "192.0.2.7", now)).error().code,
      Errc::forbidden);
}

TEST_F(EnrolmentServiceTest, WhatEndsBeforeItsTimeIsRemembered) {
  const Credentials first = enrol(claim(), "cam-7", key).value();
  const Credentials second = renew("cam-7", key).value();
  EXPECT_EQ(renew("cam-7", key).value().certificate_pem, second.certificate_pem) << "a lost answer is given again";
  EXPECT_EQ(ended(), "") << "both are good until the second is used";
  EXPECT_TRUE(is_current("cam-7", second.certificate_pem));
  EXPECT_EQ(ended(), "replaced " + serial(first));
  const Credentials third = renew("cam-7", other_key).value();
  database.exec("update devices set next_not_after = '2026-01-01'");
  const Credentials fourth = renew("cam-7", other_key).value();
  EXPECT_EQ(ended(), "replaced " + serial(first) + ",replaced " + serial(third)) << "never to be handed out again";
  EXPECT_TRUE(run(devices.revoke(DeviceId{"cam-7"}, "user:ada", now)));
  EXPECT_EQ(ended(), "replaced " + serial(first) + ",replaced " + serial(third) + ",revoked " + serial(second) +
                         ",revoked " + serial(fourth));
}

TEST_F(EnrolmentServiceTest, ARevokedKeyNeverComesBackUnderAnyName) {
  const std::string token = claim(9);
  ASSERT_TRUE(enrol(token, "cam-7", key));
  ASSERT_TRUE(run(devices.revoke(DeviceId{"cam-7"}, "user:ada", now)));
  ASSERT_TRUE(enrol(token, "cam-7", other_key));
  ASSERT_TRUE(run(devices.revoke(DeviceId{"cam-7"}, "user:ada", now)));
  EXPECT_EQ(enrol(token, "cam-7", key).error().code, Errc::conflict) << "the key before the last";
  EXPECT_EQ(enrol(token, "cam-8", key).error().code, Errc::conflict) << "another name";
  ASSERT_TRUE(enrol(token, "cam-9", make_private_key().value()));
  EXPECT_EQ(renew("cam-9", key).error().code, Errc::forbidden) << "through a device that is let in";
  EXPECT_EQ(come_back("cam-7", other_key).error().code, Errc::forbidden);
}

TEST_F(EnrolmentServiceTest, TheKeyIsTheWayBackWhateverBecameOfTheClaim) {
  const std::string token = claim();
  ASSERT_TRUE(enrol(token, "cam-7", key));
  EXPECT_TRUE(run(enrolment.revoke_claim(run(enrolment.list_claims())->at(0).id, "user:ada", now)));
  const Credentials back = come_back("cam-7", key, 24h * (90 + 100)).value();
  EXPECT_TRUE(check_key_matches(back.certificate_pem, key));
  EXPECT_TRUE(is_current("cam-7", back.certificate_pem));
  EXPECT_EQ(uses(), 1);
  EXPECT_EQ(come_back("cam-7", other_key, 24h * 190).error().code, Errc::forbidden);
  EXPECT_EQ(come_back("cam-8", key, 24h * 190).error().code, Errc::forbidden);
  EXPECT_EQ(come_back("cam-7", key, 24h * (190 + 90 + 181)).error().code, Errc::forbidden) << "too late";
}

TEST_F(EnrolmentServiceTest, ARequestThatWasSeenBeforeIsOfNoUse) {
  ASSERT_TRUE(enrol(claim(), "cam-7", key));
  const std::string challenge = enrolment.challenge(now);
  const ReturnRequest seen{DeviceId{"cam-7"}, make_csr(key, "cam-7", challenge).value(), challenge};
  EXPECT_TRUE(run(enrolment.come_back(seen, "", now)));
  EXPECT_EQ(run(enrolment.come_back(seen, "", now + 6min)).error().code, Errc::unauthenticated);
  ReturnRequest renewed = seen;
  renewed.challenge = enrolment.challenge(now + 6min);
  EXPECT_EQ(run(enrolment.come_back(renewed, "", now + 6min)).error().code, Errc::invalid_argument);
  renewed.csr_pem = make_csr(key, "cam-7").value();
  EXPECT_EQ(run(enrolment.come_back(renewed, "", now + 6min)).error().code, Errc::invalid_argument);
}

TEST_F(EnrolmentServiceTest, EnrolmentsAndRenewalsAreInTheAuditLog) {
  ASSERT_TRUE(enrol(claim(), "cam-7", key));
  ASSERT_TRUE(renew("cam-7", key));
  EXPECT_EQ(
      database.value<std::string>("select string_agg(action || ' ' || (details->>'address'), ',' order by id) from "
                                  "audit where object = 'device/cam-7'"),
      "device.enrol 192.0.2.7,device.renew 192.0.2.7");
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'device.renewed'"), 1);
}

TEST_F(EnrolmentServiceTest, ADeviceThatIsEnrolledAgainIsToldAgainWhatItShouldRun) {
  const std::string token = claim(5);
  ASSERT_TRUE(enrol(token, "cam-7", key));
  database.exec("update devices set desired_rev = 4");
  ASSERT_TRUE(run(devices.revoke(DeviceId{"cam-7"}, "user:ada", now)));
  ASSERT_TRUE(enrol(token, "cam-7", other_key));
  EXPECT_EQ(database.value<int>("select rev from desired_due where device_id = 'cam-7'"), 5);
}

TEST_F(EnrolmentServiceTest, ARequestThatIsNotInOrderIsRefused) {
  EnrolmentRequest request;
  request.claim = claim();
  request.device = DeviceId{"cam-7"};
  request.hardware_class = "cpu";
  request.csr_pem = "not a request";
  EXPECT_EQ(run(enrolment.enrol(request, "192.0.2.7", now)).error().code, Errc::invalid_argument);
  request.csr_pem = make_csr(key, "cam-8").value();
  EXPECT_EQ(run(enrolment.enrol(request, "192.0.2.7", now)).error().message,
            "field 'csr' names 'cam-8', not the device 'cam-7'");
  EXPECT_EQ(uses(), 0);
}

TEST_F(EnrolmentServiceTest, OneUseIsSpentOnceHoweverManyComeAtOnce) {
  const std::string token = claim();
  int enrolled = 0;
  int refused = 0;
  for (int i = 0; i < 6; ++i) {
    EnrolmentRequest request;
    request.claim = token;
    request.device = DeviceId{"cam-" + std::to_string(i)};
    request.hardware_class = "cpu";
    request.csr_pem = make_csr(make_private_key().value(), request.device.value()).value();
    boost::asio::co_spawn(
        io, enrolment.enrol(std::move(request), "192.0.2.7", now),
        [&](std::exception_ptr, const Result<Credentials>& answer) { ++(answer ? enrolled : refused); });
  }
  ASSERT_TRUE(test::run_until(io, [&] { return enrolled + refused == 6; }));
  EXPECT_EQ(enrolled, 1);
}

}  // namespace
}  // namespace argosy::server

#include "common/crypto/certificates.hpp"

#include <gtest/gtest.h>

#include "common/crypto/keys.hpp"
#include "tests/unit/common/crypto/openssl_command.hpp"

namespace argosy {
namespace {

using std::chrono::hours;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

class Certificates : public testing::Test {
 protected:
  const Instant now_ = std::chrono::floor<std::chrono::seconds>(wall_clock_now());
  const Validity year_{now_ - hours(1), now_ + hours(24 * 365)};
  const CertificateAndKey authority_ = make_authority("Harbour devices", year_).value();
  const std::string device_key_ = make_private_key().value();
  OpensslCommand openssl_;

  Result<std::string> issue(ClientCertificateOptions options) {
    return issue_client_certificate(authority_, make_csr(device_key_, "whatever").value(), options);
  }
  ClientCertificateOptions options(std::string name = "pi-7") { return {std::move(name), year_, ""}; }
  std::string verify(const std::string& certificate, const std::string& arguments) {
    return openssl_.try_run("verify -x509_strict -CAfile " + openssl_.write("ca", authority_.certificate_pem) + " " +
                            arguments + " " + openssl_.write("leaf", certificate));
  }
};

TEST_F(Certificates, TheAuthorityNamesItselfAndMaySign) {
  const auto facts = read_certificate(authority_.certificate_pem).value();
  EXPECT_EQ(facts.common_name, "Harbour devices");
  EXPECT_TRUE(facts.is_authority);
  EXPECT_EQ(facts.not_before, year_.not_before);
  EXPECT_EQ(facts.not_after, year_.not_after);
  EXPECT_TRUE(contains(verify(authority_.certificate_pem, ""), "OK"));
}

TEST_F(Certificates, ADeviceGetsTheNameTheServerChose) {
  auto wanted = options();
  wanted.serial_hex = "1f00ab";
  const auto certificate = issue(wanted);
  ASSERT_TRUE(certificate) << certificate.error().message;
  const auto facts = read_certificate(*certificate).value();
  EXPECT_EQ(facts.common_name, "pi-7");
  EXPECT_EQ(facts.serial_hex, "1f00ab");
  EXPECT_EQ(facts.not_before, year_.not_before);
  EXPECT_EQ(facts.not_after, year_.not_after);
  EXPECT_FALSE(facts.is_authority);
  EXPECT_TRUE(check_key_matches(*certificate, device_key_));
  const auto der = openssl_.run("x509 -outform DER -in " + openssl_.write("leaf", *certificate));
  EXPECT_EQ(facts.fingerprint, sha256(as_bytes(der)));
}

TEST_F(Certificates, OpensslAcceptsADeviceAsClientAndNothingElse) {
  const auto certificate = issue(options()).value();
  EXPECT_TRUE(contains(verify(certificate, "-purpose sslclient"), "OK"));
  EXPECT_FALSE(contains(verify(certificate, "-purpose sslserver"), "OK"));
}

TEST_F(Certificates, RandomSerialsDiffer) {
  const auto first = read_certificate(issue(options()).value()).value().serial_hex;
  const auto second = read_certificate(issue(options()).value()).value().serial_hex;
  EXPECT_NE(first, second);
  EXPECT_EQ(first.size(), 32u);
}

TEST_F(Certificates, TheServerIsVerifiedUnderEachOfItsNames) {
  const auto server =
      make_server_certificate(authority_, {{"argosy.example", "localhost"}, {"127.0.0.1", "::1"}}, year_);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_TRUE(check_key_matches(server->certificate_pem, server->private_key_pem));
  for (const char* name :
       {"-verify_hostname argosy.example", "-verify_hostname localhost", "-verify_ip 127.0.0.1", "-verify_ip ::1"})
    EXPECT_TRUE(contains(verify(server->certificate_pem, std::string("-purpose sslserver ") + name), "OK")) << name;
  EXPECT_FALSE(contains(verify(server->certificate_pem, "-verify_hostname other.example"), "OK"));
  EXPECT_FALSE(contains(verify(server->certificate_pem, "-purpose sslclient"), "OK"));
}

TEST_F(Certificates, LongHostNamesAndAddressesAloneWork) {
  const std::string host(60, 'a');
  EXPECT_TRUE(make_server_certificate(authority_, {{host + "." + host}, {}}, year_));
  EXPECT_TRUE(make_server_certificate(authority_, {{}, {"10.0.0.1"}}, year_));
}

TEST_F(Certificates, BadServerNamesAreRefused) {
  for (const ServerNames& names :
       {ServerNames{}, ServerNames{{"a,DNS:evil.example"}, {}}, ServerNames{{""}, {}}, ServerNames{{}, {"300.1.1.1"}},
        ServerNames{{}, {"127.0.0.1,IP:10.0.0.1"}}, ServerNames{{"line\nbreak"}, {}}}) {
    const auto server = make_server_certificate(authority_, names, year_);
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, Errc::invalid_argument);
  }
}

TEST_F(Certificates, BadDeviceNamesSerialsAndTimesAreRefused) {
  for (const char* name : {"", "pi 7", "a/b", "+", "ü"}) EXPECT_FALSE(issue(options(name))) << name;
  EXPECT_FALSE(issue(options(std::string(65, 'x'))));
  for (const char* serial : {"0", "00", "-5", "xyz", "12 "}) {
    auto wanted = options();
    wanted.serial_hex = serial;
    EXPECT_EQ(issue(wanted).error().code, Errc::invalid_argument) << serial;
  }
  auto wanted = options();
  wanted.serial_hex = std::string(41, '1');
  EXPECT_FALSE(issue(wanted));
  wanted = options();
  wanted.validity = {now_, now_};
  EXPECT_FALSE(issue(wanted));
}

TEST_F(Certificates, AnAuthorityMustOwnItsKeyAndMaySignOnly) {
  auto mixed = authority_;
  mixed.private_key_pem = device_key_;
  const auto csr = make_csr(device_key_, "pi-7").value();
  EXPECT_TRUE(contains(issue_client_certificate(mixed, csr, options()).error().message, "do not belong together"));
  const CertificateAndKey device{issue(options()).value(), device_key_};
  EXPECT_TRUE(contains(issue_client_certificate(device, csr, options()).error().message, "may not sign"));
}

TEST_F(Certificates, OnlyOwnCertificatesInTheirTimeAreAccepted) {
  const auto certificate = issue(options()).value();
  EXPECT_TRUE(check_issued_by(certificate, authority_.certificate_pem, now_));
  EXPECT_TRUE(contains(check_issued_by(certificate, authority_.certificate_pem, now_ - hours(2)).error().message,
                       "check the clock"));
  EXPECT_TRUE(contains(check_issued_by(certificate, authority_.certificate_pem, now_ + hours(24 * 366)).error().message,
                       "renew it"));
  const auto namesake = make_authority("Harbour devices", year_).value();
  EXPECT_EQ(check_issued_by(certificate, namesake.certificate_pem, now_).error().code, Errc::unauthenticated);
  const auto stranger = make_authority("Other", year_).value();
  EXPECT_EQ(check_issued_by(certificate, stranger.certificate_pem, now_).error().code, Errc::unauthenticated);
}

TEST_F(Certificates, AForeignKeyDoesNotMatch) {
  EXPECT_EQ(check_key_matches(issue(options()).value(), make_private_key().value()).error().code,
            Errc::invalid_argument);
}

TEST_F(Certificates, ARevokedDeviceIsRefusedAndOthersAreNot) {
  const auto lost = issue(options("lost")).value();
  const auto kept = issue(options("kept")).value();
  const auto list = make_revocation_list(authority_, {{read_certificate(lost).value().serial_hex, now_}}, 7, year_);
  ASSERT_TRUE(list) << list.error().message;
  const auto checks = "-crl_check -CRLfile " + openssl_.write("crl", *list);
  EXPECT_TRUE(contains(verify(lost, checks), "certificate revoked"));
  EXPECT_TRUE(contains(verify(kept, checks), "OK"));
  EXPECT_TRUE(make_revocation_list(authority_, {}, 8, year_)) << "an empty list is a list";
}

TEST_F(Certificates, TheServersOwnNamesAreNamesThatNoDeviceHas) {
  const auto mine = issue(options("argosyd@2"));
  ASSERT_TRUE(mine) << mine.error().message;
  EXPECT_EQ(read_certificate(*mine).value().common_name, "argosyd@2");
  for (const char* name : {"cam-7@2", "argosyd@", "argosyd@0", "argosyd@22", "argosyd@x"})
    EXPECT_EQ(issue(options(name)).error().code, Errc::invalid_argument) << name;
}

TEST_F(Certificates, NonsenseIsRefused) {
  EXPECT_EQ(read_certificate("").error().code, Errc::invalid_argument);
  EXPECT_EQ(read_certificate(device_key_).error().code, Errc::invalid_argument);
  EXPECT_EQ(make_authority("", year_).error().code, Errc::invalid_argument);
  EXPECT_EQ(issue_client_certificate(authority_, "no request", options()).error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace argosy

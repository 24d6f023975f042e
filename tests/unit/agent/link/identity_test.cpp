#include "agent/link/identity.hpp"

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "common/crypto/certificates.hpp"
#include "common/crypto/keys.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;
using namespace std::chrono_literals;

const Instant now = wall_clock_now();

class Fleet {  // the server's side of an enrolment
 public:
  IssuedIdentity issue(const IdentityStore& store, const std::string& name) {
    const std::string csr = make_csr(store.key().value(), name).value();
    ClientCertificateOptions options{name, {now - 1h, now + 2h}, ""};
    return {name, issue_client_certificate(authority_, csr, options).value(), authority_.certificate_pem, "broker",
            8883};
  }

 private:
  CertificateAndKey authority_ = make_authority("Test fleet", {now - 2h, now + 24h}).value();
};

TEST(Identity, NoneBeforeEnrolment) {
  const TempFolder folder;
  EXPECT_EQ(IdentityStore(folder.path()).load()->has_value(), false);
}

TEST(Identity, KeptAndLoadedWithTightPermissions) {
  const TempFolder folder;
  const IdentityStore store(folder.path());
  Fleet fleet;
  ASSERT_TRUE(store.keep(fleet.issue(store, "cam-7"), now));
  const Identity identity = store.load()->value();
  EXPECT_EQ(identity.device, "cam-7");
  EXPECT_EQ(identity.mqtt_host, "broker");
  EXPECT_EQ(identity.mqtt_port, 8883);
  const auto renewal = identity.renew_at() - now;
  EXPECT_NEAR(std::chrono::duration<double>(renewal).count(), 3600, 2);
  for (const auto& file : {store.key_file(), store.certificate_file(), store.ca_file()})
    EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600)) << file;
}

TEST(Identity, KeyIsMadeOnceSoThatALostAnswerDoesNoHarm) {
  const TempFolder folder;
  EXPECT_EQ(*IdentityStore(folder.path()).key(), *IdentityStore(folder.path()).key());
}

TEST(Identity, CertificateOfAnotherKeyOrAuthorityIsNotKept) {
  const TempFolder folder;
  const TempFolder other_folder;
  const IdentityStore store(folder.path());
  const IdentityStore other(other_folder.path());
  Fleet fleet;
  Fleet stranger;
  EXPECT_FALSE(store.keep(fleet.issue(other, "cam-7"), now));
  IssuedIdentity mixed = fleet.issue(store, "cam-7");
  mixed.ca_pem = stranger.issue(store, "cam-7").ca_pem;
  EXPECT_FALSE(store.keep(mixed, now));
  EXPECT_FALSE(store.load()->has_value());
}

TEST(Identity, AnswerOfTheServerIsReadStrictly) {
  EXPECT_TRUE(
      decode_issued_identity(R"({"device":"cam-7","certificate":"c","ca":"a","mqtt":{"host":"h","port":8883}})"));
  EXPECT_TRUE(decode_issued_identity(R"({"device":"cam-7","certificate":"c","ca":"a"})")->mqtt_host.empty());
  for (const char* text : {"", "[]", R"({"device":"cam-7","ca":"a"})", R"({"device":7,"certificate":"c","ca":"a"})"})
    EXPECT_FALSE(decode_issued_identity(text)) << text;
}

}  // namespace
}  // namespace argosy::agent

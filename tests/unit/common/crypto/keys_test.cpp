#include "common/crypto/keys.hpp"

#include <gtest/gtest.h>

#include "tests/unit/common/crypto/openssl_command.hpp"

namespace argosy {
namespace {

class Keys : public testing::Test {
 protected:
  OpensslCommand openssl_;
};

TEST_F(Keys, AreP256InPkcs8) {
  const auto key = make_private_key().value();
  EXPECT_EQ(key.rfind("-----BEGIN PRIVATE KEY-----\n", 0), 0u);
  EXPECT_NE(openssl_.run("pkey -in " + openssl_.write("key", key) + " -noout -text").find("prime256v1"),
            std::string::npos);
  EXPECT_NE(make_private_key().value(), key);
  EXPECT_EQ(public_key_of(key).value(), openssl_.run("pkey -pubout -in " + openssl_.write("key", key)));
}

TEST_F(Keys, ARequestCarriesItsNameAndKey) {
  const auto key = make_private_key().value();
  const auto csr = make_csr(key, "pi-7").value();
  const auto facts = parse_csr(csr);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->common_name, "pi-7");
  EXPECT_EQ(facts->public_key_pem, public_key_of(key).value());
  EXPECT_NE(openssl_.try_run("req -verify -noout -in " + openssl_.write("csr", csr)).find("OK"), std::string::npos);
}

TEST_F(Keys, RequestsThatOthersMadeAreRead) {
  for (const char* kind : {"ec -pkeyopt ec_paramgen_curve:P-256", "ec -pkeyopt ec_paramgen_curve:P-384", "rsa:2048"}) {
    const auto csr =
        openssl_.run("req -new -nodes -keyout /dev/null -subj /O=Harbour/CN=crane_4 -newkey " + std::string(kind));
    const auto facts = parse_csr(csr);
    ASSERT_TRUE(facts) << kind << ": " << facts.error().message;
    EXPECT_EQ(facts->common_name, "crane_4");
  }
}

TEST_F(Keys, WeakOrForeignKindsOfKeyAreRefused) {
  for (const char* kind :
       {"rsa:1024", "ed25519", "ec -pkeyopt ec_paramgen_curve:secp256k1", "ec -pkeyopt ec_paramgen_curve:P-521"}) {
    const auto facts =
        parse_csr(openssl_.run("req -new -nodes -keyout /dev/null -subj /CN=x -newkey " + std::string(kind)));
    ASSERT_FALSE(facts) << kind;
    EXPECT_EQ(facts.error().code, Errc::invalid_argument);
    EXPECT_NE(facts.error().message.find("use P-256"), std::string::npos) << facts.error().message;
  }
}

// Flips one bit inside the signature, the last bytes of the DER form.
std::string with_broken_signature(OpensslCommand& openssl, const std::string& csr) {
  auto der = openssl.run("req -outform DER -in " + openssl.write("csr", csr));
  der[der.size() - 3] = static_cast<char>(der[der.size() - 3] ^ 1);
  return openssl.run("req -inform DER -in " + openssl.write("der", der));
}

TEST_F(Keys, ARequestNotSignedByItsOwnKeyIsRefused) {
  const auto csr = make_csr(make_private_key().value(), "pi-7").value();
  const auto facts = parse_csr(with_broken_signature(openssl_, csr));
  ASSERT_FALSE(facts);
  EXPECT_NE(facts.error().message.find("not signed by its own key"), std::string::npos) << facts.error().message;
}

TEST_F(Keys, ARequestWithTwoNamesIsRefused) {
  const auto csr = openssl_.run("req -new -nodes -keyout /dev/null -newkey rsa:2048 -subj /CN=pi-7/CN=admin");
  EXPECT_NE(parse_csr(csr).error().message.find("more than one common name"), std::string::npos);
}

TEST_F(Keys, ARequestMayNameNobody) {
  const auto csr = openssl_.run("req -new -nodes -keyout /dev/null -newkey rsa:2048 -subj /O=Harbour");
  EXPECT_EQ(parse_csr(csr).value().common_name, "");
}

TEST_F(Keys, NonsenseIsRefusedWithAReason) {
  EXPECT_EQ(parse_csr("").error().code, Errc::invalid_argument);
  EXPECT_EQ(parse_csr("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n").error().code,
            Errc::invalid_argument);
  EXPECT_EQ(parse_csr(std::string(100'000, 'A')).error().code, Errc::too_large);
  EXPECT_EQ(make_csr("no key", "pi-7").error().code, Errc::invalid_argument);
  EXPECT_EQ(make_csr(make_private_key().value(), "").error().code, Errc::invalid_argument);
  EXPECT_EQ(make_csr(make_private_key().value(), std::string(65, 'x')).error().code, Errc::invalid_argument);
}

TEST_F(Keys, AnEncryptedKeyIsAnErrorAndNoQuestion) {
  const auto encrypted =
      openssl_.run("pkey -aes128 -passout pass:secret -in " + openssl_.write("key", make_private_key().value()));
  ASSERT_NE(encrypted.find("ENCRYPTED"), std::string::npos);
  EXPECT_EQ(public_key_of(encrypted).error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace argosy

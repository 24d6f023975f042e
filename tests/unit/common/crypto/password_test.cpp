#include "common/crypto/password.hpp"

#include <gtest/gtest.h>

namespace argosy {
namespace {

constexpr PasswordCost cheap{64, 1};

TEST(Password, IsVerifiedAgainstItsHash) {
  const auto encoded = hash_password("correct horse battery staple");
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(encoded->rfind("$argon2id$v=19$m=19456,t=2,p=1$", 0), 0u) << *encoded;
  EXPECT_TRUE(verify_password(*encoded, "correct horse battery staple").value());
  EXPECT_FALSE(verify_password(*encoded, "correct horse battery stapl").value());
  EXPECT_FALSE(verify_password(*encoded, "").value());
}

TEST(Password, HashesDifferEachTime) {
  EXPECT_NE(hash_password("x", cheap).value(), hash_password("x", cheap).value());
}

// From the tests of the reference implementation (P-H-C/phc-winner-argon2, src/test.c).
TEST(Password, ReadsAHashOfTheReferenceImplementation) {
  const auto encoded = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  EXPECT_TRUE(verify_password(encoded, "password").value());
  EXPECT_FALSE(verify_password(encoded, "differentpassword").value());
}

TEST(Password, RefusesEmptyAndHugeOnes) {
  EXPECT_EQ(hash_password("").error().code, Errc::invalid_argument);
  EXPECT_EQ(hash_password(std::string(max_password_bytes + 1, 'x')).error().code, Errc::invalid_argument);
  EXPECT_TRUE(hash_password(std::string(max_password_bytes, 'x'), cheap));
  EXPECT_FALSE(verify_password(hash_password("x", cheap).value(), std::string(max_password_bytes + 1, 'x')).value());
}

TEST(Password, DamagedHashesAreErrorsAndCostNothing) {
  for (const char* bad :
       {"", "secret", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA",
        "$argon2id$v=19$m=4000000,t=1,p=1$c29tZXNhbHQ$AAAA", "$argon2id$v=19$m=64,t=999999,p=1$c29tZXNhbHQ$AAAA",
        "$argon2id$v=19$m=64,t=1,p=64$c29tZXNhbHQ$AAAA", "$argon2id$v=19$m=64,t=1,p=1$",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$!!!!"}) {
    const auto verified = verify_password(bad, "secret");
    ASSERT_FALSE(verified) << bad;
    EXPECT_EQ(verified.error().code, Errc::corrupt);
  }
}

TEST(Password, AsksForANewHashWhenTheOldOneIsCheap) {
  EXPECT_TRUE(needs_rehash(hash_password("x", cheap).value()));
  EXPECT_FALSE(needs_rehash(hash_password("x", cheap).value(), cheap));
  EXPECT_TRUE(needs_rehash("secret"));
}

}  // namespace
}  // namespace argosy

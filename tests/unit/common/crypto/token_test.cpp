#include "common/crypto/token.hpp"

#include <set>

#include <gtest/gtest.h>

namespace argosy {
namespace {

TEST(Token, Holds32BytesThatNeverRepeat) {
  std::set<std::string> tokens;
  for (int i = 0; i < 1000; ++i) {
    const auto token = random_token();
    EXPECT_EQ(token.size(), 43u);
    EXPECT_EQ(from_base64url(token).value().size(), 32u);
    tokens.insert(token);
  }
  EXPECT_EQ(tokens.size(), 1000u);
}

TEST(Token, ComparesInConstantTime) {
  EXPECT_TRUE(equal_in_constant_time("same", "same"));
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_FALSE(equal_in_constant_time("same", "sane"));
  EXPECT_FALSE(equal_in_constant_time("same", "same again"));
  EXPECT_FALSE(equal_in_constant_time("", "x"));
}

}  // namespace
}  // namespace argosy

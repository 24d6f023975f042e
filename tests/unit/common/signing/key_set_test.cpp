#include "common/signing/key_set.hpp"

#include <gtest/gtest.h>

#include "tests/unit/common/signing/signed_release.hpp"

namespace argosy::signing {
namespace {

SigningKey a_key() {
  return {make_signing_key("").value(), ""};
}

std::string public_pem(const SigningKey& key) {
  return public_half(key).value();
}

class KeySets : public testing::Test {
 protected:
  SigningKey first_ = a_key(), second_ = a_key(), third_ = a_key();
  Trust pinned_{0, TrustedKeys::of({public_pem(first_)}).value()};
  std::string to_second_ = make_key_set({1, {public_pem(second_)}}, first_).value();
  std::string to_third_ = make_key_set({2, {public_pem(third_)}}, second_).value();
};

TEST_F(KeySets, LeadFromOneKeyToTheNext) {
  const auto trust = follow(pinned_, {to_second_, to_third_});
  ASSERT_TRUE(trust) << trust.error().message;
  EXPECT_EQ(trust->number, 2U);
  EXPECT_EQ(trust->keys.pems(), std::vector<std::string>{public_pem(third_)});
  EXPECT_EQ(follow(*trust, {to_second_})->number, 2U) << "an older one changes nothing";
}

TEST_F(KeySets, OnlyAKeyThatIsTrustedAppointsOthers) {
  EXPECT_EQ(follow(pinned_, {to_third_}).error().code, Errc::signature_key) << "a step is missing";
  const auto strangers = make_key_set({1, {public_pem(third_)}}, third_).value();
  EXPECT_EQ(follow(pinned_, {strangers}).error().code, Errc::signature_key);
  const auto by_the_replaced = make_key_set({2, {public_pem(first_)}}, first_).value();
  EXPECT_EQ(follow(pinned_, {to_second_, by_the_replaced}).error().code, Errc::signature_key);
}

TEST_F(KeySets, WhatIsNoneIsRefused) {
  EXPECT_FALSE(make_key_set({0, {public_pem(second_)}}, first_));
  EXPECT_FALSE(make_key_set({1, {}}, first_));
  EXPECT_FALSE(make_key_set({1, {"no key"}}, first_));
  EXPECT_FALSE(make_key_set({1, std::vector<std::string>(16, public_pem(second_))}, first_)) << "too long";
  for (const std::string& text : {std::string("{}"), std::string("[]"), test::golden("release/model.sig"),
                                  test::replaced(to_second_, "vnd.argosy.keys", "vnd.in-toto")})
    EXPECT_EQ(read_key_set(text).error().code, Errc::signature_malformed);
  for (std::size_t size = 0; size < to_second_.size(); ++size) EXPECT_FALSE(read_key_set(to_second_.substr(0, size)));
}

}  // namespace
}  // namespace argosy::signing

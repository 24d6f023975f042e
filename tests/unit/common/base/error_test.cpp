#include "common/base/error.hpp"

#include <memory>
#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

namespace argosy {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return make_error(Errc::invalid_argument, std::to_string(value) + " is odd");
  return value / 2;
}

Result<int> quarter(int value) {
  ARGOSY_TRY(const int once, half(value));
  ARGOSY_TRY(const int twice, half(once));
  return twice;
}

Result<void> check_quarter(int value) {
  ARGOSY_CHECK(quarter(value));
  return {};
}

TEST(Error, TryBindsTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(6).error(), make_error(Errc::invalid_argument, "3 is odd"));
  EXPECT_EQ(quarter(5).error().message, "5 is odd");
}

TEST(Error, CheckPassesOnTheErrorAlone) {
  EXPECT_TRUE(check_quarter(8));
  EXPECT_EQ(check_quarter(6).error().message, "3 is odd");
}

Result<std::unique_ptr<int>> owned() {
  return std::make_unique<int>(7);
}

Result<int> use_owned() {
  ARGOSY_TRY(const auto pointer, owned());
  return *pointer;
}

TEST(Error, TryMovesWhatCannotBeCopied) {
  EXPECT_EQ(use_owned().value(), 7);
}

TEST(Error, ContextStandsInFront) {
  const auto error = make_error(Errc::io, "disk on fire").within("cannot save").within("update");
  EXPECT_EQ(error.message, "update: cannot save: disk on fire");
  EXPECT_EQ(error.code, Errc::io);
}

TEST(Error, ValueOfAnErrorThrowsWithItsMessage) {
  try {
    half(3).value();
    FAIL() << "no exception";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "invalid-argument: 3 is odd");
  }
}

TEST(Error, EachCodeHasASlugOfItsOwn) {
  std::set<std::string_view> slugs;
  for (int code = 0; code <= static_cast<int>(Errc::corrupt); ++code) {
    const auto text = slug(static_cast<Errc>(code));
    EXPECT_EQ(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos) << text;
    EXPECT_TRUE(slugs.insert(text).second) << text;
  }
}

}  // namespace
}  // namespace argosy

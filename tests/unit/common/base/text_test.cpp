#include "common/base/text.hpp"

#include <gtest/gtest.h>

namespace argosy {
namespace {

TEST(Text, IsUtf8WithoutNul) {
  for (const char* good : {"", "cam-1", "\u00e9\u20ac", "\xf0\x9f\x9a\xa2", "a\nb"}) EXPECT_TRUE(is_text(good)) << good;
  for (const char* bad : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"})
    EXPECT_FALSE(is_text(bad)) << bad;
  EXPECT_FALSE(is_text(std::string_view("a\0b", 3)));
}

TEST(Text, IsShownShortAndOnOneLine) {
  EXPECT_EQ(shortened("digits"), "digits");
  EXPECT_EQ(shortened("a\nb\x1b[2J\x7f"), "a\\x0ab\\x1b[2J\\x7f");
  EXPECT_EQ(shortened("\xc2\x9b"
                      "A"),
            "\\xc2\\x9bA")
      << "terminals obey U+009B as well";
  EXPECT_EQ(shortened("caf\u00e9 \xff"), "caf\u00e9 \\xff");
  EXPECT_EQ(shortened(std::string(41, 'x')), std::string(40, 'x') + "...");
  EXPECT_EQ(shortened("xx\u20ac", 4), "xx...") << "no half characters";
  EXPECT_EQ(shortened(std::string("\0", 1)), "\\x00");
}

}  // namespace
}  // namespace argosy

#include "server/http/range.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

TEST(Range, OneRangeInsideTheContent) {
  EXPECT_EQ(parse_range("bytes=0-9", 100).value(), (ByteRange{0, 10}));
  EXPECT_EQ(parse_range("bytes=90-", 100).value(), (ByteRange{90, 10}));
  EXPECT_EQ(parse_range("bytes=-10", 100).value(), (ByteRange{90, 10}));
  EXPECT_EQ(parse_range("bytes=99-99", 100).value(), (ByteRange{99, 1}));
}

TEST(Range, AnEndBeyondTheContentIsCut) {
  EXPECT_EQ(parse_range("bytes=50-1000", 100).value(), (ByteRange{50, 50}));
  EXPECT_EQ(parse_range("bytes=-1000", 100).value(), (ByteRange{0, 100}));
  EXPECT_EQ(parse_range("bytes=0-18446744073709551615", 100).value(), (ByteRange{0, 100}));
}

TEST(Range, OutsideOfTheContentIsAnError) {
  for (const char* header : {"bytes=100-", "bytes=100-200", "bytes=-0"}) {
    EXPECT_EQ(parse_range(header, 100).error().code, Errc::range_not_satisfiable) << header;
  }
  EXPECT_FALSE(parse_range("bytes=0-", 0));
}

TEST(Range, WhatIsNoSingleRangeOfBytesIsIgnored) {
  for (const char* header : {"", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=0-1,5-6", "items=0-1",
                             "bytes=1-2x", "bytes=99999999999999999999-"}) {
    EXPECT_EQ(parse_range(header, 100).value(), std::nullopt) << header;
  }
}

TEST(Etags, MatchInAList) {
  EXPECT_TRUE(etag_matches("\"a\"", "a"));
  EXPECT_TRUE(etag_matches("\"x\", W/\"a\"", "a"));
  EXPECT_TRUE(etag_matches("*", "a"));
  EXPECT_FALSE(etag_matches("a", "a"));
  EXPECT_FALSE(etag_matches("\"ab\"", "a"));
  EXPECT_FALSE(etag_matches("", "a"));
}

}  // namespace
}  // namespace argosy::server

#include "common/base/encoding.hpp"

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy {
namespace {

TEST(Hex, GoesBothWays) {
  const Bytes bytes{0x00, 0x0f, 0xa5, 0xff};
  EXPECT_EQ(to_hex(bytes), "000fa5ff");
  EXPECT_EQ(from_hex("000fa5ff").value(), bytes);
  EXPECT_EQ(from_hex("000FA5FF").value(), bytes);
  EXPECT_EQ(to_hex({}), "");
  EXPECT_TRUE(from_hex("").value().empty());
}

TEST(Hex, RefusesOddLengthsAndOtherCharacters) {
  for (const char* bad : {"0", "000", "0g", "g0", "0x00", "  ", "00 "})
    EXPECT_EQ(from_hex(bad).error().code, Errc::invalid_argument) << bad;
}

// RFC 4648, section 10, without the padding.
TEST(Base64url, EqualsThePublishedVectors) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(to_base64url(as_bytes(plain)), text);
    EXPECT_EQ(as_text(from_base64url(text).value()), plain);
  }
  EXPECT_EQ(to_base64url(Bytes{0xfb, 0xef, 0xff}), "--__") << "the alphabet of URLs, not + and /";
}

TEST(Base64url, GoesBothWaysForAnyBytes) {
  Rng rng(1);
  for (std::size_t size = 0; size < 200; ++size) {
    Bytes bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng());
    EXPECT_EQ(from_base64url(to_base64url(bytes)).value(), bytes);
  }
}

TEST(Base64url, RefusesWhatItNeverWrites) {
  for (const char* bad : {"Z", "Zm9vY", "Zg==", "Zm9+", "Zm9/", "Zm 9", "Zh", "Zm9"})
    EXPECT_EQ(from_base64url(bad).error().code, Errc::invalid_argument) << bad;
}

TEST(Base64, IsThatOfTheRfcAndHasOneSpelling) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"},
                                                         {"\xfb\xff", "+/8="}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), text);
    EXPECT_EQ(as_text(*from_base64(text)), plain);
  }
  for (const char* wrong : {"Zg", "Zg=", "Zg===", "Zh==", "Z===", "====", "-_8=", "Zm9v\n", "Zg==Zg=="})
    EXPECT_FALSE(from_base64(wrong)) << wrong;
}

}  // namespace
}  // namespace argosy

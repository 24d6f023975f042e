#include "common/wire/cbor.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace argosy::wire {
namespace {

template <class Write>
std::string written(Write write) {
  Bytes out;
  CborWriter writer(out);
  write(writer);
  return to_hex(out);
}

// RFC 8949, appendix A.
TEST(Cbor, WritesTheShortestFormsOfTheStandard) {
  const std::pair<std::int64_t, const char*> integers[] = {{0, "00"},
                                                           {23, "17"},
                                                           {24, "1818"},
                                                           {255, "18ff"},
                                                           {256, "190100"},
                                                           {65536, "1a00010000"},
                                                           {1000000, "1a000f4240"},
                                                           {1000000000000, "1b000000e8d4a51000"},
                                                           {-1, "20"},
                                                           {-10, "29"},
                                                           {-100, "3863"},
                                                           {-1000, "3903e7"}};
  for (const auto& [value, hex] : integers) EXPECT_EQ(written([v = value](CborWriter& out) { out.integer(v); }), hex);
  EXPECT_EQ(written([](CborWriter& out) { out.text("IETF"); }), "6449455446");
  EXPECT_EQ(written([](CborWriter& out) { out.bytes(Bytes{1, 2, 3, 4}); }), "4401020304");
  EXPECT_EQ(written([](CborWriter& out) { out.number(1.1); }), "fb3ff199999999999a");
  EXPECT_EQ(written([](CborWriter& out) { out.number(100000.0); }), "fa47c35000");
}

TEST(Cbor, ReadsNumbersOfEverySize) {
  const std::pair<const char*, double> numbers[] = {{"f93c00", 1.0},
                                                    {"f97bff", 65504.0},
                                                    {"f90001", 5.960464477539063e-8},
                                                    {"f9c400", -4.0},
                                                    {"fa47c35000", 100000.0},
                                                    {"fb3ff199999999999a", 1.1},
                                                    {"1864", 100},
                                                    {"3863", -100}};
  for (const auto& [hex, value] : numbers) {
    const auto bytes = from_hex(hex).value();
    EXPECT_EQ(CborReader(bytes).number().value(), value) << hex;
  }
  for (const char* hex : {"f97c00", "f97e00", "fa7f800000", "fb7ff8000000000000", "f6", "6161", ""}) {
    const auto bytes = from_hex(hex).value();
    EXPECT_EQ(CborReader(bytes).number().error().code, Errc::malformed_cbor) << hex;
  }
}

TEST(Cbor, SkipsWhatItDoesNotKnow) {
  // {"a": [1, {"b": h'0102'}, "x", null, -5, 1.5]} and then 7
  const auto bytes = from_hex("a161618601a161624201026178f624f93e0007").value();
  CborReader in(bytes);
  ASSERT_TRUE(in.skip());
  EXPECT_EQ(in.unsigned_integer(10).value(), 7u);
  EXPECT_TRUE(in.at_end());
}

TEST(Cbor, HostileNestingAndSizesEndWithAnError) {
  const Bytes nested(1 << 20, 0x81);
  EXPECT_FALSE(CborReader(nested).skip());
  const auto huge = from_hex("9bffffffffffffffff").value();
  EXPECT_FALSE(CborReader(huge).skip());
  EXPECT_EQ(CborReader(huge).array(500).error().message,
            "at byte 0: an array of 18446744073709551615 is over the limit of 500");
  const auto endless = from_hex("9f0102ff").value();
  EXPECT_FALSE(CborReader(endless).skip()) << "indefinite lengths";
}

}  // namespace
}  // namespace argosy::wire

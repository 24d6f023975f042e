#include "common/json/json_text.hpp"

#include <gtest/gtest.h>

namespace argosy {
namespace {

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(JsonText, ReadsWhatIsWithinLimits) {
  const auto document = parse_json(R"({"a": [1, -2, 0.5, true, null, "\u00e9"], "b": {"a": {}}})");
  ASSERT_TRUE(document);
  EXPECT_EQ(write_json(*document), "{\"a\":[1,-2,0.5,true,null,\"\u00e9\"],\"b\":{\"a\":{}}}");
  EXPECT_TRUE(parse_json(nested(JsonLimits{}.depth)));
  EXPECT_TRUE(parse_json("\"" + std::string(1000, '[') + "\"")) << "brackets in text are no nesting";
  EXPECT_TRUE(parse_json(R"(["\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["])"));
}

// Whoever copies a document or writes it recurses as deep as it is nested: 100,000 levels ended the server.
TEST(JsonText, RefusesNestingInWhateverForm) {
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  for (const std::string& deep : {nested(JsonLimits{}.depth + 1), nested(100'000), std::string(1'000'000, '['), objects,
                                  std::string("[\"\\\"\",") + nested(JsonLimits{}.depth)}) {
    const auto document = parse_json(deep);
    ASSERT_FALSE(document);
    EXPECT_EQ(document.error().code, Errc::malformed_json);
    EXPECT_NE(document.error().message.find("nested deeper than 32"), std::string::npos) << document.error().message;
  }
}

TEST(JsonText, RefusesMoreThanItsLimits) {
  EXPECT_EQ(parse_json("[1, 2]", {.bytes = 5}).error().code, Errc::too_large);
  EXPECT_TRUE(parse_json("[1, 2]", {.bytes = 6, .depth = 1, .values = 3}));
  EXPECT_EQ(parse_json("[1, 2]", {.values = 2}).error().message, "the JSON holds more than 2 values");
  EXPECT_FALSE(parse_json(R"({"a": 1})", {.values = 2})) << "a key costs memory too";
}

TEST(JsonText, RefusesWhatNoColumnHolds) {
  for (const char* bad : {"",
                          "nul",
                          "{",
                          "[1,]",
                          "[1] 2",
                          "{\"a\": 1, \"a\": 1}",
                          "{\"a\": {\"b\": 1, \"b\": 2}}",
                          "1e400",
                          "-1e400",
                          "[1e999999999]",
                          "\"\\u0000\"",
                          "{\"a\\u0000\": 1}",
                          "\"\\ud800\"",
                          "\"\xff\"",
                          "\"\xc0\x80\"",
                          "NaN",
                          "[Infinity]",
                          "// no\n1",
                          "\"\x01\"",
                          "01",
                          "{1: 2}",
                          "'a'"}) {
    const auto document = parse_json(bad);
    ASSERT_FALSE(document) << bad;
    EXPECT_EQ(document.error().code, Errc::malformed_json);
    EXPECT_FALSE(document.error().message.empty());
  }
}

TEST(JsonText, NeverQuotesAtLength) {
  const std::string many(100'000, '7');
  for (const std::string& bad :
       {"\"" + many, "[1e" + many + "]", many + "x", "{\"" + many + "\": 1, \"" + many + "\": 1}",
        std::string("\"\x1b[2J\xff"), std::string("\"\0\"", 3)}) {
    const auto document = parse_json(bad);
    ASSERT_FALSE(document);
    EXPECT_LT(document.error().message.size(), 250U);
    for (const char c : document.error().message) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  }
}

}  // namespace
}  // namespace argosy

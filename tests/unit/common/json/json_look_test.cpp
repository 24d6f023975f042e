#include "common/json/json_look.hpp"

#include <gtest/gtest.h>

namespace argosy {
namespace {

TEST(JsonLook, FindsWhatIsThereAndNothingElse) {
  const nlohmann::json document = {{"text", "a"}, {"number", 1.5}, {"list", {1, 2}}, {"null", nullptr}};
  EXPECT_EQ(text_in(document, "text"), "a");
  EXPECT_EQ(number_in(document, "number"), 1.5);
  EXPECT_EQ(list_in(document, "list").size(), 2U);
  for (const nlohmann::json& value : {document, nlohmann::json(3), nlohmann::json(), nlohmann::json::array({1})}) {
    EXPECT_EQ(text_in(value, "number", "otherwise"), "otherwise");
    EXPECT_EQ(number_in(value, "text"), std::nullopt);
    EXPECT_TRUE(list_in(value, "text").empty());
    EXPECT_TRUE(member(value, "null").is_null());
    EXPECT_TRUE(member(value, "none").is_null());
  }
}

}  // namespace
}  // namespace argosy

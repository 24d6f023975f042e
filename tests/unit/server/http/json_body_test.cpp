#include "server/http/json_body.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

struct Wave {
  double share = 0;
};
struct Order {
  std::string name;
  int count = 3;
  std::optional<std::uint32_t> limit;
  std::map<std::string, std::string> labels;
  std::vector<std::string> causes;
  std::vector<Wave> waves;
  bool manual = false;
};

Result<Order> read_order(std::string_view text) {
  ARGOSY_TRY(auto body, JsonReader::parse(text));
  Order order;
  body.required("name", order.name).optional("count", order.count, 1, 10).optional("limit", order.limit);
  body.optional("labels", order.labels).optional("causes", order.causes);
  body.objects("waves", 2,
               [&](JsonReader& wave) { wave.required("share", order.waves.emplace_back().share, 0.0, 1.0); });
  body.optional_object("gate", [&](JsonReader& gate) { gate.optional("manual", order.manual); });
  ARGOSY_CHECK(body.finish());
  return order;
}

TEST(JsonBody, ReadsWhatIsThereAndKeepsDefaults) {
  const Order order = read_order(R"({"name": "a", "limit": 7, "labels": {"site": "berlin"}, "causes": ["x", "y"],
                                     "waves": [{"share": 0.5}, {"share": 1}], "gate": {"manual": true}})")
                          .value();
  EXPECT_EQ(order.name, "a");
  EXPECT_EQ(order.count, 3);
  EXPECT_EQ(order.limit, 7U);
  EXPECT_EQ(order.labels.at("site"), "berlin");
  EXPECT_EQ(order.causes.size(), 2U);
  EXPECT_EQ(order.waves.at(1).share, 1.0);
  EXPECT_TRUE(order.manual);
}

struct Bad {
  std::string_view text;
  Errc code;
  std::string_view field;
};

TEST(JsonBody, ErrorsNameTheField) {
  const Bad table[] = {{"", Errc::malformed_json, ""},
                       {"{\"name\": ", Errc::malformed_json, ""},
                       {"[]", Errc::malformed_json, ""},
                       {"{\"name\": \"\xff\"}", Errc::malformed_json, ""},
                       {"{}", Errc::invalid_argument, "name"},
                       {R"({"name": 1})", Errc::invalid_argument, "name"},
                       {R"({"name": "a\u0000b"})", Errc::invalid_argument, "name"},
                       {R"({"name": null})", Errc::invalid_argument, "name"},
                       {R"({"name": "a", "count": 11})", Errc::invalid_argument, "count"},
                       {R"({"name": "a", "count": 1.5})", Errc::invalid_argument, "count"},
                       {R"({"name": "a", "count": 99999999999})", Errc::invalid_argument, "count"},
                       {R"({"name": "a", "limit": -1})", Errc::invalid_argument, "limit"},
                       {R"({"name": "a", "labels": {"k": 1}})", Errc::invalid_argument, "labels.k"},
                       {R"({"name": "a", "causes": ["x", 2]})", Errc::invalid_argument, "causes[1]"},
                       {R"({"name": "a", "waves": [{"share": 2}]})", Errc::invalid_argument, "waves[0].share"},
                       {R"({"name": "a", "waves": [{}, {}, {}]})", Errc::invalid_argument, "waves"},
                       {R"({"name": "a", "waves": [{"share": 1, "x": 1}]})", Errc::unknown_key, "waves[0].x"},
                       {R"({"name": "a", "gate": 4})", Errc::invalid_argument, "gate"},
                       {R"({"name": "a", "nmae": "b"})", Errc::unknown_key, "nmae"}};
  for (const Bad& bad : table) {
    SCOPED_TRACE(bad.text);
    const auto order = read_order(bad.text);
    ASSERT_FALSE(order);
    EXPECT_EQ(order.error().code, bad.code) << order.error().message;
    const auto field = named_field(order.error());
    EXPECT_EQ(field ? field->field : "", bad.field) << order.error().message;
  }
}

TEST(JsonBody, RefusesDeepNesting) {
  const std::string deep(100000, '[');
  EXPECT_EQ(parse_json(deep).error().code, Errc::malformed_json);
  EXPECT_TRUE(parse_json("\"" + deep + "\"")) << "brackets in text are no nesting";
}

}  // namespace
}  // namespace argosy::server

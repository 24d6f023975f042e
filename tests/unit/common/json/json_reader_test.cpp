#include "common/json/json_reader.hpp"

#include <gtest/gtest.h>

namespace argosy {
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
                       {R"({"name": "a\u0000b"})", Errc::malformed_json, ""},
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

// What every reader refuses without being told to.
TEST(JsonReader, HoldsValuesToBounds) {
  struct Values {
    std::uint64_t size = 0;
    std::int64_t id = 0;
    std::int32_t small = 0;
    double share = 0;
    Instant at{};
    std::vector<int> list;
  };
  const auto read = [](std::string_view text) -> Result<Values> {
    ARGOSY_TRY(auto in, JsonReader::parse(text));
    Values values;
    in.optional("size", values.size).optional("id", values.id, 0, INT64_MAX).optional("small", values.small);
    in.optional("share", values.share).optional("at", values.at).optional("list", values.list);
    ARGOSY_CHECK(in.finish());
    return values;
  };
  EXPECT_EQ(read(R"({"size": 9007199254740992})")->size, largest_count);
  EXPECT_EQ(read(R"({"id": 9223372036854775807})")->id, INT64_MAX);
  std::string many = "0";
  for (std::size_t i = 0; i < default_list_limit; ++i) many += ",0";
  for (const std::string& bad :
       {std::string(R"({"size": 9007199254740993})"), std::string(R"({"size": 18446744073709551615})"),
        std::string(R"({"size": 1e3})"), std::string(R"({"size": -1})"), std::string(R"({"id": 9223372036854775808})"),
        std::string(R"({"id": -1})"), std::string(R"({"small": 2147483648})"), std::string(R"({"share": "1"})"),
        std::string(R"({"at": "1969-12-31T23:59:59Z"})"), std::string(R"({"at": "0000-01-01T00:00:00Z"})"),
        std::string(R"({"at": "9999-12-31T23:59:59-01:00"})"), "{\"list\": [" + many + "]}"}) {
    const auto values = read(bad);
    ASSERT_FALSE(values) << bad;
    EXPECT_EQ(values.error().code, Errc::invalid_argument) << values.error().message;
    EXPECT_LT(values.error().message.size(), 200U);
  }
}

TEST(JsonReader, LetsUnknownKeysPassWhereItIsTold) {
  int count = 0;
  auto in = JsonReader::parse(R"({"count": 3, "newer": {"deep": [1]}, "part": {"also": 1}})", {}, UnknownKeys::pass);
  ASSERT_TRUE(in);
  in->required("count", count).optional_object("part", [](JsonReader&) {});
  EXPECT_TRUE(in->finish());
  EXPECT_EQ(count, 3);
}

TEST(JsonReader, NeverShowsAForeignKeyOrValueWhole) {
  const std::string long_key(50'000, 'k');
  const std::string evil_key = "\x1b[2J";
  std::map<std::string, int> numbers;
  for (const std::string& text :
       {"{\"" + long_key + "\": 1}", "{\"numbers\": {\"" + long_key + "\": \"x\"}}",
        "{\"numbers\": \"" + long_key + "\"}", std::string(R"({"numbers": {"\u001b[2J": null}})")}) {
    auto in = JsonReader::parse(text).value();
    in.optional("numbers", numbers);
    const auto read = in.finish();
    ASSERT_FALSE(read);
    EXPECT_LT(read.error().message.size(), 200U);
    EXPECT_EQ(read.error().message.find('\x1b'), std::string::npos) << read.error().message;
  }
}

TEST(JsonReader, NamesTheWholePath) {
  std::map<std::string, std::vector<int>> lists;
  auto in = JsonReader::of(nlohmann::json{{"outer", {{{"lists", {{"b", {1, "x"}}}}}}}}, "policy").value();
  in.objects("outer", 3, [&](JsonReader& item) { item.optional("lists", lists); });
  const auto field = named_field(in.finish().error());
  ASSERT_TRUE(field);
  EXPECT_EQ(field->field, "policy.outer[0].lists.b[1]");
}

}  // namespace
}  // namespace argosy

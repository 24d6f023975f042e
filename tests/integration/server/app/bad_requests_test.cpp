// Every operation of the API with bodies, paths and queries that nobody should send: an answer says what is wrong, in
// few words, and is never the server's own failure.
#include <nlohmann/json.hpp>

#include "server/app/system_api.hpp"
#include "server/http/query.hpp"
#include "tests/integration/server/app/server_fixture.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::size_t longest_answer = 4096;

struct Operation {
  std::string method;
  std::string path;
  std::vector<std::string> properties;  // of its body, where it has one
  std::vector<std::string> queries;
};

const json& resolved(const json& document, const json& schema) {
  if (!schema.contains("$ref")) return schema;
  const auto reference = schema["$ref"].get<std::string>();
  return document.at(json::json_pointer(reference.substr(1)));
}

std::vector<Operation> operations() {
  std::vector<Operation> all;
  const json document = json::parse(openapi_document());
  for (const auto& [path, methods] : document.at("paths").items()) {
    if (!path.starts_with("/api/")) continue;
    for (const auto& [method, described] : methods.items()) {
      Operation operation{method, path, {}, {}};
      for (char& c : operation.method) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      const auto schema = described.value("/requestBody/content/application~1json/schema"_json_pointer, json::object());
      const json properties = resolved(document, schema).value("properties", json::object());
      for (const auto& property : properties.items()) operation.properties.push_back(property.key());
      for (const json& parameter : described.value("parameters", json::array())) {
        const json& whole = resolved(document, parameter);
        if (whole.value("in", "") == "query") operation.queries.push_back(whole.at("name").get<std::string>());
      }
      all.push_back(std::move(operation));
    }
  }
  return all;
}

// What an answer must not repeat as a whole.
const std::string long_text(3'000, 'w');

std::vector<std::string> bad_values() {
  return {"null",
          "true",
          "3",
          "-1",
          "1.5",
          "1e308",
          "1e400",
          "9223372036854775808",
          "18446744073709551616",
          R"("")",
          R"("a\u0000b")",
          R"("\u001b[2J")",
          R"("0000-01-01T00:00:00Z")",
          "\"\xff\"",
          '"' + long_text + '"',
          "[]",
          "[null]",
          "[[1]]",
          R"([{"x": 1}])",
          "{}",
          R"({"x": null})",
          "{\"" + long_text + "\": 1}",
          "{\"" + long_text + "\": {}}",
          std::string(40, '[') + std::string(40, ']')};
}

std::vector<std::string> bad_bodies(const Operation& operation) {
  std::vector<std::string> bodies{"",
                                  "{",
                                  "[]",
                                  "null",
                                  "3",
                                  "\xff",
                                  "{\"\\u0000\": 1}",
                                  R"({"zz": 1, "zz": 1})",
                                  "{\"" + long_text + "\": 1}",
                                  std::string(50'000, '['),
                                  "{\"a\":" + std::string(50'000, '[')};
  for (const std::string& property : operation.properties)
    for (const std::string& value : bad_values()) bodies.push_back("{\"" + property + "\": " + value + "}");
  return bodies;
}

std::string with_placeholders(std::string path, const std::string& value) {
  for (std::size_t open = path.find('{'); open != std::string::npos; open = path.find('{', open + value.size()))
    path.replace(open, path.find('}', open) - open + 1, value);
  return path;
}

class BadRequestsTest : public ServerFixture {
 protected:
  void expect_decent(const test::Reply& reply, const std::string& what) {
    EXPECT_NE(reply.status, 0) << what;
    EXPECT_LT(reply.status, 500) << what << "\n" << reply.body;
    if (reply.status < 400) return;
    EXPECT_LE(reply.body.size(), longest_answer) << what;
    EXPECT_EQ(reply.body.find(long_text), std::string::npos) << what;
    EXPECT_EQ(reply.body.find('\x1b'), std::string::npos) << what;
    EXPECT_TRUE(json::accept(reply.body)) << what << "\n" << reply.body;
  }
};

TEST_F(BadRequestsTest, EveryOperationRefusesABadBodyInFewWords) {
  RunningServer server(database, folder);
  const std::string admin = token("admin");
  int sent = 0;
  for (const Operation& operation : operations()) {
    if (operation.method == "GET" || operation.method == "HEAD") continue;
    const std::string path = with_placeholders(operation.path, "987654321");
    for (const std::string& body : bad_bodies(operation)) {
      const auto reply = ask(server->operator_port(), operation.method, path, admin, body);
      expect_decent(reply, operation.method + " " + path + " " + body.substr(0, 200));
      ++sent;
    }
  }
  EXPECT_GT(sent, 1'000);
}

TEST_F(BadRequestsTest, EveryOperationRefusesBadPathsAndQueriesInFewWords) {
  RunningServer server(database, folder);
  const std::string admin = token("admin");
  const std::vector<std::string> values{
      "%00", "%ff", "-1",     "0",       "99999999999999999999",     "1e400", "%1b[2J",
      "%22", "%27", "%2e%2e", long_text, "9999-12-31T23:59:59-23:59"};
  for (const Operation& operation : operations()) {
    for (const std::string& value : values) {
      if (operation.path.find('{') != std::string::npos) {
        const std::string path = with_placeholders(operation.path, value);
        expect_decent(ask(server->operator_port(), operation.method, path, admin, "{}"), operation.method + " " + path);
      }
      if (operation.method != "GET") continue;
      for (const std::string& query : operation.queries) {
        const std::string path = with_placeholders(operation.path, "1") + "?" + query + "=" + value;
        expect_decent(ask(server->operator_port(), "GET", path, admin), "GET " + path);
      }
    }
  }
}

}  // namespace
}  // namespace argosy::server

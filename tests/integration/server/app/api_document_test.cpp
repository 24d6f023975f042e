#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "server/access/policy.hpp"
#include "server/app/system_api.hpp"
#include "server/http/router.hpp"
#include "tests/integration/server/app/server_fixture.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using Operations = std::set<std::string>;  // "GET /api/v1/devices read_fleet"

Operations of_routes(Server& server) {
  Operations operations;
  for (const Router* router : {&server.operator_routes(), &server.device_routes()}) {
    for (const Route& route : router->routes()) {
      operations.insert(std::string(to_string(route.method)) + " " + route.path + " " +
                        std::string(to_string(route.permission)));
    }
  }
  return operations;
}

Operations of_document() {
  Operations operations;
  const json document = json::parse(openapi_document());
  for (const auto& [path, methods] : document.at("paths").items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::string upper = method;
      std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
      operations.insert(upper + " " + path + " " + operation.at("x-argosy-permission").get<std::string>());
    }
  }
  return operations;
}

std::string only_in(const Operations& a, const Operations& b) {
  std::string text;
  for (const std::string& operation : a) {
    if (b.count(operation) == 0) text += "  " + operation + "\n";
  }
  return text;
}

using ApiDocumentTest = ServerFixture;

TEST_F(ApiDocumentTest, DescribesExactlyTheRoutesThereAre) {
  RunningServer server(database, folder);
  const Operations routes = of_routes(*server);
  const Operations document = of_document();
  EXPECT_EQ(only_in(routes, document), "") << "served, but not in docs/api/openapi.json";
  EXPECT_EQ(only_in(document, routes), "") << "in docs/api/openapi.json, but not served";
}

TEST_F(ApiDocumentTest, SaysWhichRoleHasWhichPermission) {
  json policy;
  for (const Role role : all_roles) {
    json& permissions = policy[std::string(to_string(role))];
    for (const Permission permission : role_permissions) {
      if (gives(role, permission)) permissions.push_back(to_string(permission));
    }
  }
  EXPECT_EQ(json::parse(openapi_document()).at("info").at("x-argosy-roles"), policy);
}

TEST_F(ApiDocumentTest, IsServed) {
  RunningServer server(database, folder);
  const auto reply = ask(server->operator_port(), "GET", "/api/v1/openapi.json");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(json::parse(reply.body).at("openapi"), "3.1.0");
}

TEST_F(ApiDocumentTest, EveryReferenceLeadsSomewhere) {
  const json document = json::parse(openapi_document());
  std::vector<const json*> nodes{&document};
  while (!nodes.empty()) {
    const json& node = *nodes.back();
    nodes.pop_back();
    if (node.is_object() && node.contains("$ref")) {
      const std::string reference = node.at("$ref");
      EXPECT_TRUE(document.contains(json::json_pointer(reference.substr(1)))) << reference;
    }
    if (node.is_structured()) {
      for (const json& child : node) nodes.push_back(&child);
    }
  }
}

}  // namespace
}  // namespace argosy::server

#include "server/http/problem.hpp"

#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/error.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

json body_of(const Response& response) {
  return json::parse(std::get<std::string>(response.body));
}

TEST(Problem, EveryErrcHasAStatusOfAnErrorAndASlugOfItsOwn) {
  std::set<std::string> types;
  for (int code = 0; code <= static_cast<int>(Errc::corrupt); ++code) {
    const Response response = problem(make_error(static_cast<Errc>(code), "why"));
    EXPECT_GE(response.status, 400);
    EXPECT_EQ(response.content_type, "application/problem+json");
    const json body = body_of(response);
    EXPECT_EQ(body["status"], response.status);
    EXPECT_EQ(body["detail"], "why");
    EXPECT_TRUE(types.insert(body["type"]).second) << body["type"];
  }
}

TEST(Problem, NamesTheField) {
  const json body = body_of(problem(field_error("policy.waves", "must not be empty")));
  EXPECT_EQ(body["errors"], json::parse(R"([{"field": "policy.waves", "message": "must not be empty"}])"));
  EXPECT_EQ(body["type"], "https://argosy.dev/problems/invalid-argument");
}

TEST(Problem, SurvivesBytesThatAreNoText) {
  EXPECT_NO_THROW(body_of(problem(make_error(Errc::not_found, "'\xff\xfe' is no id"))));
}

TEST(Problem, TellsWhenToTryAgain) {
  const Response response = problem(make_error(Errc::unavailable, "full"));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.at(0).first, "Retry-After");
}

}  // namespace
}  // namespace argosy::server

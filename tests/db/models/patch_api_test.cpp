#include "server/models/patch_api.hpp"

#include <nlohmann/json.hpp>

#include "server/access/role.hpp"
#include "server/http/problem.hpp"
#include "server/http/request.hpp"
#include "server/http/router.hpp"
#include "tests/db/models/patches_fixture.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

class PatchApiTest : public PatchesTest {
 protected:
  const std::string all = "/api/v1/models/digits/patches";
  const std::string one_pair = R"({"pairs": [{"from_version": "1.0", "to_version": "1.1"}]})";
  Router router;

  void SetUp() override {
    PatchesTest::SetUp();
    add_patch_routes(router, *patches);
    publish_both(store(old_model), store(new_model));
  }
  Response call(Method method, const std::string& path, const std::string& body = "",
                const std::map<std::string, std::string, std::less<>>& query = {}) {
    const Router::Match match = router.match(method, path);
    Request request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.params = match.params;
    request.body = body;
    request.principal = {Principal::Kind::user, "ada", Role::operator_};
    request.now = now;
    auto answer = run(match.route->handler(request));
    return answer ? std::move(*answer) : problem(answer.error());
  }
  static Json json_of(const Response& response) { return Json::parse(std::get<std::string>(response.body)); }
};

TEST_F(PatchApiTest, PairsAreAskedForAheadOfAnyRollout) {
  const Response asked = call(Method::post, all, one_pair);
  ASSERT_EQ(asked.status, 200);
  const Json row = json_of(asked)["items"][0];
  EXPECT_EQ(row["state"], "pending");
  EXPECT_EQ(row["asked_by"], "user:ada");
  EXPECT_EQ(row["demand"], 0);
  start();
  ASSERT_TRUE(test::run_until(io, [&] { return state() == "ready"; }));
  const Json made = json_of(call(Method::get, all))["items"][0];
  EXPECT_EQ(made["state"], "ready");
  EXPECT_EQ(made["attempts"], 1);
  EXPECT_LT(made["ratio"].get<double>(), 0.1);
  EXPECT_LT(made["patch_seconds"].get<double>(), made["full_seconds"].get<double>());
  ASSERT_EQ(made["trials"].size(), 4U);
  for (const Json& trial : made["trials"]) {
    EXPECT_TRUE(trial["bytes"].is_number() || trial["failure"].is_string()) << trial;
    EXPECT_TRUE(trial["seconds"].is_number()) << trial;
  }
  EXPECT_EQ(database.value<std::string>("select action || ' ' || object || ' ' || actor from audit"),
            "patch.request model/digits user:ada");
}

TEST_F(PatchApiTest, APairIsCancelledUntilItIsAskedForAgain) {
  call(Method::post, all, one_pair);
  const Response cancelled = call(Method::del, all + "/1.0/1.1");
  ASSERT_EQ(cancelled.status, 200);
  EXPECT_EQ(json_of(cancelled)["items"][0]["state"], "cancelled");
  EXPECT_EQ(json_of(cancelled)["items"][0]["reason"], "cancelled by user:ada");
  EXPECT_EQ(want(digest_of(old_model).to_hex(), digest_of(new_model).to_hex(), 9).state, PatchState::cancelled)
      << "devices do not overrule a person";
  EXPECT_EQ(call(Method::del, all + "/1.0/1.1").status, 409);
  EXPECT_EQ(json_of(call(Method::post, all, one_pair))["items"][0]["state"], "pending");
  EXPECT_EQ(database.value<int>("select count(*) from audit where action = 'patch.cancel'"), 1);
}

TEST_F(PatchApiTest, APairThatWasDeclinedIsTriedAgainWhenAPersonAsks) {
  PatchOptions options;
  options.limits.max_file_bytes = 10;
  restart(options);
  start();
  want(digest_of(old_model).to_hex(), digest_of(new_model).to_hex());
  ASSERT_TRUE(test::run_until(io, [&] { return state() == "declined"; }));
  restart({});
  router = {};
  add_patch_routes(router, *patches);
  EXPECT_EQ(json_of(call(Method::post, all, one_pair))["items"][0]["state"], "pending");
  start();
  EXPECT_TRUE(test::run_until(io, [&] { return state() == "ready"; }));
}

TEST_F(PatchApiTest, RefusalsNameTheValueAndTheRemedy) {
  const auto refused = [&](const Response& response, int status) {
    EXPECT_EQ(response.status, status);
    return json_of(response).dump();
  };
  const auto pair = [](const std::string& from, const std::string& to, const std::string& variant = "") {
    return Json{{"pairs", {{{"from_version", from}, {"to_version", to}, {"variant", variant}}}}}.dump();
  };
  EXPECT_NE(refused(call(Method::post, all, pair("1.0", "2.0")), 404).find("2.0"), std::string::npos);
  EXPECT_NE(refused(call(Method::post, all, pair("1.0", "1.1", "int8")), 400).find("int8"), std::string::npos);
  EXPECT_NE(refused(call(Method::post, all, R"({"pairs": [], "dayz": 3})"), 400).find("pairs"), std::string::npos);
  EXPECT_NE(refused(call(Method::del, all + "/1.0/1.1"), 404).find("never asked for"), std::string::npos);
  EXPECT_EQ(call(Method::post, "/api/v1/models/none/patches", one_pair).status, 404);
  EXPECT_EQ(call(Method::get, "/api/v1/models/none/patches").status, 404);
  EXPECT_EQ(database.value<int>("select count(*) from audit"), 0);
}

TEST_F(PatchApiTest, APatchThatIsReadyIsNotCancelled) {
  call(Method::post, all, one_pair);
  start();
  ASSERT_TRUE(test::run_until(io, [&] { return state() == "ready"; }));
  const Response refused = call(Method::del, all + "/1.0/1.1");
  EXPECT_EQ(refused.status, 409);
  EXPECT_NE(json_of(refused).dump().find("is ready"), std::string::npos);
}

}  // namespace
}  // namespace argosy::server

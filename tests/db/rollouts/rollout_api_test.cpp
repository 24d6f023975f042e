#include "server/rollouts/rollout_api.hpp"

#include <stdexcept>

#include "server/access/role.hpp"
#include "server/http/problem.hpp"
#include "server/http/request.hpp"
#include "server/http/router.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

class RolloutApi : public RolloutFleet {
 protected:
  std::optional<std::int64_t> known_rev;

  RolloutApi() {
    add_rollout_routes(router, *rollouts);
    add_desired_routes(router, *desired, [this](std::string_view) { return known_rev; });
    add_twelve();
  }

  struct Answer {
    int status = 0;
    json body;
    std::string etag;
  };

  Answer call(Method method, const std::string& path, const std::string& body = "", const std::string& if_match = "",
              std::map<std::string, std::string, std::less<>> query = {}) {
    Request request;
    request.method = method;
    request.path = path;
    request.query = std::move(query);
    request.body = body;
    request.principal = {Principal::Kind::user, "ada", Role::operator_};
    request.now = now;
    if (!if_match.empty()) request.headers["if-match"] = if_match;
    return answer(request);
  }

  Answer answer(Request& request) {
    auto match = router.match(request.method, request.path);
    if (match.route == nullptr) throw std::runtime_error("no route for " + request.path);
    request.params = match.params;
    auto handled = run(match.route->handler(request));
    return answer_of(handled ? *handled : problem(handled.error()));
  }

  static Answer answer_of(const Response& response) {
    Answer answer{response.status, json::parse(std::get<std::string>(response.body), nullptr, false), ""};
    for (const auto& [name, value] : response.headers) {
      if (name == "ETag") answer.etag = value;
    }
    return answer;
  }

  Answer create_one() {
    return call(Method::post, "/api/v1/rollouts",
                R"({"name": "digits 1.1", "model": "digits", "version": "1.1",
                    "policy": {"waves": [{"share": 0.25}, {"share": 1}], "guards": [], "patch_wait_s": 0}})");
  }

  Router router;
};

TEST_F(RolloutApi, CreatesAndShowsARollout) {
  const auto made = create_one();
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.etag, "\"1\"");
  const auto shown = call(Method::get, "/api/v1/rollouts/" + std::to_string(made.body["id"].get<int>()));
  ASSERT_EQ(shown.status, 200);
  EXPECT_EQ(shown.body["state"], "draft");
  EXPECT_EQ(shown.body["waves"][0]["planned"], 3);
  EXPECT_EQ(shown.body["counts"], (json{{"queued", 12}}));
  EXPECT_EQ(shown.body["allowed"]["start"], true);
  EXPECT_EQ(shown.body["allowed"]["pause"], "the rollout is draft: only a running rollout can be paused");
  EXPECT_EQ(shown.body["bytes"], (json{{"sent", 0}, {"full", 0}}));
  const auto all = call(Method::get, "/api/v1/rollouts");
  EXPECT_EQ(all.body["total"], 1);
  EXPECT_EQ(all.body["items"][0]["name"], "digits 1.1");
}

TEST_F(RolloutApi, RefusesWhatItDoesNotUnderstandAndNamesTheField) {
  const auto wrong = call(Method::post, "/api/v1/rollouts",
                          R"({"name": "x", "model": "digits", "version": "1.1", "policy": {"gate": {"bake": 1}}})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.body["errors"][0]["field"], "policy.gate.bake");
  EXPECT_EQ(call(Method::post, "/api/v1/rollouts", R"({"name": "x", "model": "digits", "version": "7"})").status, 404);
  EXPECT_EQ(call(Method::get, "/api/v1/rollouts/99").status, 404);
}

TEST_F(RolloutApi, ActionsAskForTheETagThatTheOperatorSaw) {
  const auto path = "/api/v1/rollouts/" + std::to_string(create_one().body["id"].get<int>());
  EXPECT_EQ(call(Method::post, path + "/start").status, 428);
  EXPECT_EQ(call(Method::post, path + "/start", "", "\"7\"").status, 412);
  EXPECT_EQ(call(Method::post, path + "/start", "", "tomorrow").status, 412);
  const auto running = call(Method::post, path + "/start", "", "\"1\"");
  ASSERT_EQ(running.status, 200) << running.body;
  EXPECT_EQ(running.body["state"], "running");
  EXPECT_EQ(running.etag, "\"2\"");
  const auto again = call(Method::post, path + "/start", "", running.etag);
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.body["type"], "https://argosy.dev/problems/illegal-transition");
  EXPECT_EQ(again.body["detail"], "the rollout is running: only a draft can be started");
}

TEST_F(RolloutApi, WhatAnOperationSaysBesideIsReadStrictly) {
  const auto path = "/api/v1/rollouts/" + std::to_string(create_one().body["id"].get<int>());
  EXPECT_EQ(call(Method::post, path + "/start", R"({"start_at": "tomorrow"})", "*").status, 400);
  EXPECT_EQ(call(Method::post, path + "/start", R"({"at": "2027-01-01T00:00:00Z"})", "*").status, 400);
  EXPECT_EQ(call(Method::post, path + "/start", R"({"start_at": "2001-01-01T00:00:00Z"})", "*").status, 400);
  const auto at = to_rfc3339(now + std::chrono::hours(1));
  const auto scheduled = call(Method::post, path + "/start", json{{"start_at", at}}.dump(), "*");
  ASSERT_EQ(scheduled.status, 200) << scheduled.body;
  EXPECT_EQ(scheduled.body["state"], "scheduled");
  EXPECT_EQ(scheduled.body["start_at"], at);
  EXPECT_EQ(scheduled.body["allowed"]["cancel"], true);
  EXPECT_EQ(call(Method::post, path + "/cancel", "{}", "*").body["state"], "draft");
}

TEST_F(RolloutApi, WhoMadeARolloutMayNotApproveIt) {
  const auto made = call(Method::post, "/api/v1/rollouts",
                         R"({"name": "x", "model": "digits", "version": "1.1",
                             "policy": {"guards": [], "approval": {"required": true}}})");
  const auto path = "/api/v1/rollouts/" + std::to_string(made.body["id"].get<int>());
  EXPECT_EQ(call(Method::post, path + "/start", "", "*").body["state"], "awaiting_approval");
  const auto own = call(Method::post, path + "/approve", R"({"comment": "fine"})", "*");
  EXPECT_EQ(own.status, 403);
  EXPECT_EQ(own.body["detail"],
            "user:ada made this rollout: another account has to approve or refuse it; cancel takes it back");
  EXPECT_EQ(call(Method::post, path + "/refuse", json{{"comment", std::string(501, 'x')}}.dump(), "*").status, 400);
}

TEST_F(RolloutApi, PromotesOneOrAll) {
  const auto path =
      "/api/v1/rollouts/" +
      std::to_string(call(Method::post, "/api/v1/rollouts",
                          R"({"name": "x", "model": "digits", "version": "1.1", "policy": {"guards": []}})")
                         .body["id"]
                         .get<int>());
  call(Method::post, path + "/start", "", "*");
  EXPECT_EQ(call(Method::post, path + "/promote", R"({"all": "yes"})", "*").status, 400);
  EXPECT_EQ(call(Method::post, path + "/promote", R"({"all": true})", "*").body["promote_all"], true);
}

TEST_F(RolloutApi, ListsDevicesAndDecisionsInPages) {
  const auto id = create_one().body["id"].get<int>();
  const auto path = "/api/v1/rollouts/" + std::to_string(id);
  call(Method::post, path + "/start", "", "*");
  tick();
  const auto first = call(Method::get, path + "/devices", "", "", {{"limit", "2"}, {"state", "notified"}});
  EXPECT_EQ(first.body["total"], 3);
  ASSERT_EQ(first.body["items"].size(), 2U);
  const auto rest = call(Method::get, path + "/devices", "", "",
                         {{"limit", "2"}, {"state", "notified"}, {"cursor", first.body["next_cursor"]}});
  EXPECT_EQ(rest.body["items"].size(), 1U);
  EXPECT_TRUE(rest.body["next_cursor"].is_null());
  const auto decisions = call(Method::get, path + "/decisions");
  EXPECT_EQ(decisions.body["items"][0]["decision"], "start");
  EXPECT_EQ(decisions.body["items"][0]["actor"], "user:ada");
}

TEST_F(RolloutApi, ADeviceReadsItsDesiredDocumentOnce) {
  const auto id = create_one().body["id"].get<int>();
  call(Method::post, "/api/v1/rollouts/" + std::to_string(id) + "/start", "", "*");
  tick();
  Request request;
  request.path = "/device/v1/desired";
  request.principal = {Principal::Kind::device, devices_in(id, "notified").front(), Role::viewer};
  const auto document = answer(request);
  ASSERT_EQ(document.status, 200);
  EXPECT_EQ(document.etag, "\"1\"");
  EXPECT_EQ(document.body["models"][0]["version"], "1.1");
  request.headers["if-none-match"] = document.etag;
  EXPECT_EQ(answer(request).status, 304);
}

TEST_F(RolloutApi, WhatIsKnownToBeUnchangedIsNotBuilt) {
  Request request;
  request.path = "/device/v1/desired";
  request.principal = {Principal::Kind::device, "nobody", Role::viewer};
  request.headers["if-none-match"] = "\"5\"";
  known_rev = 5;
  const auto unchanged = answer(request);
  EXPECT_EQ(unchanged.status, 304) << "no database would find such a device";
  EXPECT_EQ(unchanged.etag, "\"5\"");
  known_rev = 6;
  EXPECT_EQ(answer(request).status, 404);
}

}  // namespace
}  // namespace argosy::server
